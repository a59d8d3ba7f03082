module patchbay.test/bench

go 1.19

require unit.nginx.org/go v0.0.0

replace unit.nginx.org/go => ../../../../sdk/go
