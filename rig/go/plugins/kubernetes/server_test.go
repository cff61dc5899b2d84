package kubernetes

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// apiServer keeps objects by path, as far as this plugin talks to an API server, and records the calls.
type apiServer struct {
	url      string
	mu       sync.Mutex
	objects  map[string]map[string]any
	calls    []string
	failing  int                   // applies that end without an answer before one succeeds
	conflict bool                  // every apply without force conflicts
	status   func(path string) any // the status that a controller would write
}

func newAPIServer(t *testing.T) (*apiServer, *Provider) {
	t.Helper()
	api := &apiServer{objects: map[string]map[string]any{}}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	api.url = server.URL
	return api, api.provider(t, nil)
}

// provider is one more plugin that talks to this server, as in another run of the engine.
func (a *apiServer) provider(t *testing.T, settings map[string]any) *Provider {
	t.Helper()
	inputs := map[string]any{"kubeconfig": kubeconfig(a.url, "t"), "enableSecretMutable": "true", "kubeClientSettings": `{"qps":1000,"burst":1000}`}
	for key, value := range settings {
		inputs[key] = value
	}
	p := provider()
	if _, err := p.Configure(background, plugin.ConfigureRequest{Inputs: resource.NewPropertyMapFromMap(inputs)}); err != nil {
		t.Fatal(err)
	}
	return p
}

func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failing > 0 && r.Method == http.MethodPatch { // client-go repeats a GET by itself
		a.failing--
		panic(http.ErrAbortHandler)
	}
	query := r.URL.Query()
	call := r.Method + " " + r.URL.Path
	for _, key := range []string{"dryRun", "force", "fieldValidation"} {
		if query.Has(key) {
			call += " " + key + "=" + query.Get(key)
		}
	}
	a.calls = append(a.calls, call)
	if r.URL.Path == "/version" {
		a.answer(w, http.StatusOK, map[string]any{"major": "1", "minor": "36"})
		return
	}
	a.serveObject(w, r, query.Get("dryRun") != "", query.Get("force") == "true")
}

func (a *apiServer) serveObject(w http.ResponseWriter, r *http.Request, dryRun, force bool) {
	manager := r.URL.Query().Get("fieldManager")
	existing, found := a.objects[r.URL.Path]
	switch {
	case r.Method == http.MethodPatch && a.conflict && !force:
		a.refuse(w, http.StatusConflict, "Conflict", "conflict with \"other\": .spec.replicas")
	case r.Method == http.MethodPatch:
		object := map[string]any{}
		raw, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(raw, &object)
		metadata := object["metadata"].(map[string]any)
		metadata["uid"], metadata["managedFields"] = "uid-1", []any{map[string]any{"manager": manager}}
		if a.status != nil {
			object["status"] = a.status(r.URL.Path)
		}
		if !dryRun {
			a.objects[r.URL.Path] = object
		}
		a.answer(w, http.StatusOK, object)
	case !found:
		a.refuse(w, http.StatusNotFound, "NotFound", "not found")
	case r.Method == http.MethodDelete:
		delete(a.objects, r.URL.Path)
		a.answer(w, http.StatusOK, existing)
	default:
		a.answer(w, http.StatusOK, existing)
	}
}

func (a *apiServer) answer(w http.ResponseWriter, code int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func (a *apiServer) refuse(w http.ResponseWriter, code int, reason, message string) {
	a.answer(w, code, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code})
}

// took fails the test unless the recorded calls are these; it forgets them.
func (a *apiServer) took(t *testing.T, want ...string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if strings.Join(a.calls, "\n") != strings.Join(want, "\n") {
		t.Errorf("calls:\n%s\nwant:\n%s", strings.Join(a.calls, "\n"), strings.Join(want, "\n"))
	}
	a.calls = nil
}
