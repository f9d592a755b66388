package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"log"
	"os"
	"path/filepath"
	"sort"
	"time"
)

// openBroker reads what an earlier run left in the directory, however it ended.
func openBroker(dir string, minAckDeadline int32) (*broker, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	b := &broker{
		faults: newFaultBox(), dir: dir, minAckDeadline: minAckDeadline,
		topics: map[string]*topic{}, subscriptions: map[string]*subscription{},
	}
	if err := b.loadAdmin(); err != nil {
		return nil, err
	}
	// Glob sorts, and the names have leading zeros: oldest first.
	paths, err := filepath.Glob(filepath.Join(dir, "journal-*"))
	if err != nil {
		return nil, err
	}
	replay := newReplay(b)
	var segments []*segment
	for i, path := range paths {
		s, err := replay.read(path, i == len(paths)-1)
		if err != nil {
			return nil, err
		}
		segments = append(segments, s)
	}
	b.lastID.Store(max(uint64(time.Now().UnixMicro()), replay.lastID))
	log.Printf("recovered %d messages from %d segments", replay.fill(), len(segments))
	b.journal, err = openJournal(dir, segments)
	return b, err
}

// replay rebuilds the backlogs from the records, in their order.
type replay struct {
	backlogs map[uint64]map[uint64]*message // by subscription and id
	owners   map[uint64]*subscription
	lastID   uint64
}

func newReplay(b *broker) *replay {
	r := &replay{backlogs: map[uint64]map[uint64]*message{}, owners: map[uint64]*subscription{}}
	for _, s := range b.subscriptions {
		r.backlogs[s.number], r.owners[s.number] = map[uint64]*message{}, s
	}
	return r
}

// read replays a segment. What a crash left unfinished at the end of the last one was acknowledged to nobody and is cut
// off. Anywhere else damage means that acknowledged messages are lost: then it is better not to start.
func (r *replay) read(path string, last bool) (*segment, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	home := &segment{path: path}
	rest := data
	for len(rest) > 0 {
		payload := nextRecord(rest)
		if payload == nil {
			break
		}
		if err := r.apply(payload, home); err != nil {
			return nil, fmt.Errorf("%s at byte %d: %w", path, len(data)-len(rest), err)
		}
		rest = rest[recordHeader+len(payload):]
	}
	home.size = int64(len(data) - len(rest))
	if len(rest) == 0 {
		return home, nil
	}
	if !last {
		return nil, fmt.Errorf("%s is damaged at byte %d, and there is a younger segment", path, home.size)
	}
	log.Printf("%s: cutting off %d bytes that a crash left", path, len(rest))
	return home, truncate(path, home.size)
}

// nextRecord is the payload of the first record, nil when that is incomplete or damaged.
func nextRecord(data []byte) []byte {
	if len(data) < recordHeader {
		return nil
	}
	length := uint64(binary.LittleEndian.Uint32(data))
	// A record has a kind at least: a tail of zeros, as some file systems leave, is none.
	if length == 0 || length > uint64(len(data)-recordHeader) {
		return nil
	}
	payload := data[recordHeader : recordHeader+length]
	if crc32.Checksum(payload, checksums) != binary.LittleEndian.Uint32(data[4:]) {
		return nil
	}
	return payload
}

func truncate(path string, size int64) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if err := file.Truncate(size); err != nil {
		return err
	}
	return file.Sync()
}

func (r *replay) apply(payload []byte, home *segment) error {
	in := &decoder{rest: payload[1:]}
	switch payload[0] {
	case recordPublished:
		r.published(in, home)
	case recordAcked:
		subscription := in.number()
		for _, id := range in.numbers() {
			if m := r.backlogs[subscription][id]; m != nil {
				m.done()
				delete(r.backlogs[subscription], id)
			}
		}
	default:
		in.failed = true
	}
	if in.failed {
		return errRecord
	}
	return nil
}

func (r *replay) published(in *decoder, home *segment) {
	published := int64(in.number())
	subscriptions := in.numbers()
	for count := in.number(); count > 0 && !in.failed; count-- {
		m := &message{id: in.number(), published: published, frame: in.bytes()}
		r.lastID = max(r.lastID, m.id)
		// The record counts for those who are still subscribed.
		for _, number := range subscriptions {
			backlog := r.backlogs[number]
			if backlog == nil {
				continue
			}
			// A message that moved to this segment: the older copy is let go.
			if older := backlog[m.id]; older != nil {
				older.done()
			}
			backlog[m.id] = m
			m.waiting.Add(1)
		}
		if m.waiting.Load() > 0 {
			m.settleIn(home)
		}
	}
}

// fill gives every subscription its backlog in the order of publishing, and returns how many messages that are.
func (r *replay) fill() int {
	total := 0
	for number, backlog := range r.backlogs {
		entries := make([]*message, 0, len(backlog))
		for _, m := range backlog {
			entries = append(entries, m)
		}
		sort.Slice(entries, func(i, j int) bool { return entries[i].id < entries[j].id })
		r.owners[number].restore(entries)
		total += len(entries)
	}
	return total
}

func (s *subscription) restore(messages []*message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range messages {
		e := &entry{message: m, queued: true}
		s.entries[m.id] = e
		s.fresh.push(e)
	}
}
