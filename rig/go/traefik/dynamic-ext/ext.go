// Package ext takes the place of Traefik's own package of that path. Traefik's go.mod replaces it
// by a directory of its repository that is not part of the published module; the two types are
// the empty extension points that Traefik embeds.
package ext

// HTTP extends the dynamic HTTP configuration with nothing.
type HTTP struct{}

// DeepCopyInto copies nothing, as there is nothing to copy.
func (in *HTTP) DeepCopyInto(out *HTTP) { *out = *in }

// Router extends a router with nothing.
type Router struct{}

// DeepCopyInto copies nothing, as there is nothing to copy.
func (in *Router) DeepCopyInto(out *Router) { *out = *in }
