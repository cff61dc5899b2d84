module rig/ocipack

go 1.26.0
