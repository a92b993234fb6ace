"""The officers' pages: load, call, render. Looking never acts."""
