package main

import (
	"log"
	"os"
)

// The journal may be this large, or this many times what is still waited for, before its oldest segment is emptied.
const (
	tidyAbove  = 4 * segmentBytes
	tidyFactor = 3
)

// tidy removes the oldest segments while nothing in them is needed, or little is and the journal is large: then the few
// are written once more, at the end. Oldest first, because an acknowledgement lies in the same segment as its message or
// in a younger one: it is never removed before what it acknowledges.
func (b *broker) tidy() {
	for {
		oldest, worth := b.journal.oldest()
		if !worth {
			return
		}
		if oldest.live.Load() > 0 {
			b.evacuate(oldest)
		}
		if oldest.live.Load() > 0 {
			// Somebody holds one meanwhile; the next round will see.
			return
		}
		if err := b.journal.removeOldest(); err != nil {
			log.Printf("cannot remove %s: %v", oldest.path, err)
			return
		}
	}
}

// oldest is the first segment, and whether it should go; the one being written never does.
func (j *journal) oldest() (*segment, bool) {
	j.segmentsMu.Lock()
	defer j.segmentsMu.Unlock()
	if len(j.segments) < 2 {
		return nil, false
	}
	var size, live int64
	for _, s := range j.segments {
		size += s.size
		live += s.liveBytes.Load()
	}
	oldest := j.segments[0]
	return oldest, oldest.live.Load() == 0 || (size > tidyAbove && size > tidyFactor*live)
}

func (j *journal) removeOldest() error {
	j.segmentsMu.Lock()
	oldest := j.segments[0]
	j.segments = j.segments[1:]
	j.segmentsMu.Unlock()
	if err := os.Remove(oldest.path); err != nil {
		return err
	}
	return syncDir(j.dir)
}

// evacuate writes the messages of a segment that somebody waits for into the current one.
func (b *broker) evacuate(from *segment) {
	type stay struct {
		message       *message
		subscriptions []uint64
	}
	found := map[uint64]*stay{}
	for _, s := range b.allSubscriptions() {
		s.mu.Lock()
		for id, e := range s.entries {
			if e.message.home.Load() != from || !e.message.isHandedOut() {
				continue
			}
			at := found[id]
			if at == nil {
				// We wait for it too, until it has moved.
				e.message.waiting.Add(1)
				at = &stay{message: e.message}
				found[id] = at
			}
			at.subscriptions = append(at.subscriptions, s.number)
		}
		s.mu.Unlock()
	}
	// Written in any order; the last is waited for, and with it all.
	records := make([]*entryToWrite, 0, len(found))
	for _, at := range found {
		records = append(records, &entryToWrite{
			payload: encodeAgain(at.message, at.subscriptions), settle: at.message.settleIn,
		})
	}
	if len(records) == 0 {
		return
	}
	last := records[len(records)-1]
	last.durable = make(chan struct{})
	for _, record := range records {
		b.journal.append(record)
	}
	<-last.durable
	for _, at := range found {
		at.message.done()
	}
	b.journal.evacuated.Add(int64(len(records)))
}
