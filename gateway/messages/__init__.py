"""Messages both ways through the institution's line: judged, screened, delivered, kept, inspected."""
