package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// serveWebhooks takes JSON that is posted to /TOKEN/NAME; the token stands for the secret in such an address.
func (r *receiver) serveWebhooks(listener net.Listener) error {
	server := &http.Server{
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { w.WriteHeader(r.take(q)) }),
		TLSConfig: r.tls(), ReadHeaderTimeout: 10 * time.Second,
	}
	return server.ServeTLS(listener, "", "")
}

// take records the request and returns the status to answer with.
func (r *receiver) take(q *http.Request) int {
	body, err := io.ReadAll(io.LimitReader(q.Body, 1<<20))
	name, right := strings.CutPrefix(q.URL.Path, "/"+r.Token+"/")
	e := entry{Kind: "webhook", To: name, Body: body}
	status := r.answer()
	switch {
	case !right:
		e.To, e.Body, e.Refused, status = "", nil, "token", http.StatusNotFound
	case q.Method != http.MethodPost:
		e.Body, e.Refused, status = nil, "method "+q.Method, http.StatusMethodNotAllowed
	case err != nil || !json.Valid(body):
		e.Body, e.Refused, status = nil, "body", http.StatusBadRequest
	case status/100 != 2:
		e.Refused = "as asked"
	}
	if err := r.record(e); err != nil {
		return http.StatusInternalServerError
	}
	return status
}
