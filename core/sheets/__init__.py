"""Tables that people bring as CSV or XLSX: read within limits, checked cell by cell, never computed."""
