"""The command line: environment, files and terminal around `agent`; knows no endpoint's facts."""
