#!/bin/sh
# As Dragonfly's image does it: arguments that begin with a flag belong to the program.
case ${1:-} in
  -*) set -- dragonfly --logtostderr "$@" ;;
esac
exec "$@"
