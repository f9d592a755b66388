package main

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
)

// faults are the ways in which this server can be made to misbehave, each as the real one may. PUT /faults replaces all of
// them: `{}` is the honest server.
type faults struct {
	// Of all publish requests, this part (0 to 1) …
	PublishRefuse       float64 `json:"publish_refuse"`         // is answered UNAVAILABLE and not stored,
	PublishNoAnswer     float64 `json:"publish_no_answer"`      // is stored and never answered,
	PublishStoreAndFail float64 `json:"publish_store_and_fail"` // is stored and answered UNAVAILABLE.
	// Milliseconds that a publish request waits before it is stored, and after.
	PublishDelay       int64 `json:"publish_delay_ms"`
	PublishAnswerDelay int64 `json:"publish_answer_delay_ms"`
	// Milliseconds before a published message can be delivered.
	DeliverDelay int64 `json:"deliver_delay_ms"`
	// How often every delivery is made; 0 is 1.
	DeliverCopies int32 `json:"deliver_copies"`
	// Deliver in random order.
	Shuffle bool `json:"shuffle"`
	// What a second of an ack deadline lasts; 0 is 1. Clients insist on 10 s, tests need not.
	LeaseScale float64 `json:"lease_scale"`
}

type faultBox struct{ current atomic.Pointer[faults] }

func newFaultBox() *faultBox {
	box := &faultBox{}
	box.current.Store(&faults{DeliverCopies: 1, LeaseScale: 1})
	return box
}

func (b *faultBox) load() *faults { return b.current.Load() }

func (f *faults) normal() string {
	for _, part := range []float64{f.PublishRefuse, f.PublishNoAnswer, f.PublishStoreAndFail} {
		if part < 0 || part > 1 {
			return "a part of all requests lies between 0 and 1"
		}
	}
	if f.PublishDelay < 0 || f.PublishAnswerDelay < 0 || f.DeliverDelay < 0 || f.DeliverCopies < 0 || f.LeaseScale < 0 {
		return "no number may be negative"
	}
	if f.DeliverCopies == 0 {
		f.DeliverCopies = 1
	}
	if f.LeaseScale == 0 {
		f.LeaseScale = 1
	}
	return ""
}

func (b *faultBox) serve(mux *http.ServeMux) {
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, b.load()) })
	mux.HandleFunc("PUT /faults", func(w http.ResponseWriter, r *http.Request) {
		next := &faults{}
		decoder := json.NewDecoder(r.Body)
		// A knob that does not exist must not pass for one that was set.
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(next); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if complaint := next.normal(); complaint != "" {
			http.Error(w, complaint, http.StatusBadRequest)
			return
		}
		b.current.Store(next)
		writeJSON(w, next)
	})
}

func happens(part float64) bool { return part > 0 && rand.Float64() < part }

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(value)
}
