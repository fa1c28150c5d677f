"""The working calendar as an administrator keeps it: hours, days that are exceptions, filing periods set by hand."""
