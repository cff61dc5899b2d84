module rig/addons/pause

go 1.26.0
