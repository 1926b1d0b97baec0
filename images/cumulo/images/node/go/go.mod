// Only marks the root of the module. What it needs is in kubernetes-<version>.mod, one for each
// version of Kubernetes (go build -modfile).
module cumulo/node

go 1.26.4
