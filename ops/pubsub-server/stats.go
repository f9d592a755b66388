package main

import (
	"net/http"
)

type statsPage struct {
	Publish       publishStats                 `json:"publish"`
	Topics        map[string]topicStats        `json:"topics"`
	Subscriptions map[string]subscriptionStats `json:"subscriptions"`
	Journal       journalStats                 `json:"journal"`
}

type publishStats struct {
	Requests         int64 `json:"requests"`
	Messages         int64 `json:"messages"`
	Refused          int64 `json:"refused"`
	Unanswered       int64 `json:"unanswered"`
	FailedAfterStore int64 `json:"failed_after_store"`
}

type topicStats struct {
	Published int64 `json:"published"` // since the start
}

type subscriptionStats struct {
	Backlog      int   `json:"backlog"`     // not acknowledged
	Outstanding  int   `json:"outstanding"` // of these, leased to somebody
	OldestMillis int64 `json:"oldest_ms"`   // age of the oldest not acknowledged
	Streams      int   `json:"streams"`
	Delivered    int64 `json:"delivered"`
	Redelivered  int64 `json:"redelivered"`
	Acked        int64 `json:"acked"`
	Nacked       int64 `json:"nacked"`
	Expired      int64 `json:"expired"` // leases that ran out
	DeadLettered int64 `json:"dead_lettered"`
}

type journalStats struct {
	Syncs     int64 `json:"fsyncs"`
	Records   int64 `json:"records"`
	Segments  int   `json:"segments"`
	Bytes     int64 `json:"bytes"`
	LiveBytes int64 `json:"live_bytes"`
	Evacuated int64 `json:"evacuated"`
}

func (b *broker) serveStats(mux *http.ServeMux) {
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, b.stats()) })
	mux.HandleFunc("POST /expire-leases", func(w http.ResponseWriter, _ *http.Request) {
		b.expire(true)
		writeJSON(w, struct{}{})
	})
	mux.HandleFunc("POST /drop-streams", func(w http.ResponseWriter, _ *http.Request) {
		dropped := 0
		for _, s := range b.allSubscriptions() {
			dropped += s.dropStreams()
		}
		writeJSON(w, map[string]int{"dropped": dropped})
	})
}

func (b *broker) stats() statsPage {
	page := statsPage{
		Publish: publishStats{
			Requests: b.counts.requests.Load(), Messages: b.counts.messages.Load(), Refused: b.counts.refused.Load(),
			Unanswered: b.counts.unanswered.Load(), FailedAfterStore: b.counts.failedAfterStore.Load(),
		},
		Topics: map[string]topicStats{}, Subscriptions: map[string]subscriptionStats{}, Journal: b.journal.stats(),
	}
	b.mu.RLock()
	for name, t := range b.topics {
		page.Topics[name] = topicStats{Published: t.published.Load()}
	}
	b.mu.RUnlock()
	for _, s := range b.allSubscriptions() {
		name, stats := s.stats()
		page.Subscriptions[name] = stats
	}
	return page
}

func (s *subscription) stats() (string, subscriptionStats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := subscriptionStats{
		Backlog: len(s.entries), Streams: len(s.streams), Delivered: s.counts.delivered,
		Redelivered: s.counts.redelivered, Acked: s.counts.acked, Nacked: s.counts.nacked, Expired: s.counts.expired,
		DeadLettered: s.counts.deadLettered,
	}
	oldest := int64(0)
	for _, e := range s.entries {
		if e.state == leased {
			stats.Outstanding++
		}
		if oldest == 0 || e.message.published < oldest {
			oldest = e.message.published
		}
	}
	if oldest > 0 {
		stats.OldestMillis = max(0, nowMillis()-oldest/1e6)
	}
	return s.config.Name, stats
}

func (j *journal) stats() journalStats {
	j.segmentsMu.Lock()
	defer j.segmentsMu.Unlock()
	stats := journalStats{
		Syncs: j.syncs.Load(), Records: j.records.Load(), Segments: len(j.segments), Evacuated: j.evacuated.Load(),
	}
	for _, s := range j.segments {
		stats.Bytes += s.size
		stats.LiveBytes += s.liveBytes.Load()
	}
	return stats
}
