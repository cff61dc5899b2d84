module rig/dragonfly

go 1.26.0
