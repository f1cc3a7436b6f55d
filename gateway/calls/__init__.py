"""One call from the first INVITE to the closed record: judged, recorded, bridged, filed."""
