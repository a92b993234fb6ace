"""One file of readings, whatever its shape: columns of text, then times, places and numbers."""
