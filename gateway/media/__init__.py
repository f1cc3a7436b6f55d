"""Media: RTP relay between two legs, the recording notice, and the recording itself."""
