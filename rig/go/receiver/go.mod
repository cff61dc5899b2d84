module rig/receiver

go 1.26.0
