#!/bin/sh
# The platform starts PostgreSQL by its own scripts and must never depend on an image's entrypoint.
echo "this image has no entrypoint: start the program by its own command (got: $*)" >&2
exit 64
