"""Credit management warehouse."""
