"""The errors people see; every message says where the trouble is and what to do."""


class EncoursError(Exception):
    """Something stops the command; `exit_status` is what the process ends with."""

    exit_status = 1


class UsageError(EncoursError):
    """Wrong use or configuration: a command line, a source YAML, an expression in it."""

    exit_status = 2


class DataError(EncoursError):
    """The data stop the run: a file cannot be read, or too many of its rows are refused."""

    exit_status = 1


class HomeBusyError(EncoursError):
    """Another run holds the home folder."""

    exit_status = 3
