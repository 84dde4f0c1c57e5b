"""The known problems, one file each: `detect` reports a problem as a pure function of record and run summary."""
