"""Redis: the connection, the embedded server, the scripts, and the records that every feature shares."""
