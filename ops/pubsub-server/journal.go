package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// A segment is one file of the journal. It is removed as a whole, oldest first, when nothing in it is needed.
type segment struct {
	path string
	size int64
	// Messages, and bytes of them, that a subscription still waits for.
	live, liveBytes atomic.Int64
}

// segmentBytes is when the next file is begun: small enough to be given back soon, large enough to be few.
const segmentBytes = 16 << 20

// journal is an append-only log. Whoever appends something durable is told when it is on the disk; everything that was
// appended meanwhile shares the next sync. Acknowledgements are written too, but wait for no sync: losing one costs a
// redelivery, which Pub/Sub may do at any time.
type journal struct {
	dir string

	mu      sync.Mutex
	waiting *sync.Cond
	pending []*entryToWrite
	closing bool
	done    chan struct{}

	// Of the writer alone.
	file    *os.File
	scratch []byte

	segmentsMu sync.Mutex
	segments   []*segment

	syncs, records, evacuated atomic.Int64
}

// entryToWrite is a record on its way.
type entryToWrite struct {
	payload []byte
	// Told which segment the record went to; may be nil.
	settle func(*segment)
	// Closed when the record is on the disk; nil for a record that nobody waits for.
	durable chan struct{}
}

// openJournal begins a new segment after the given ones, which the recovery has read.
func openJournal(dir string, segments []*segment) (*journal, error) {
	j := &journal{dir: dir, segments: segments, done: make(chan struct{})}
	j.waiting = sync.NewCond(&j.mu)
	if err := j.beginSegment(); err != nil {
		return nil, err
	}
	go j.write()
	return j, nil
}

// append hands a record over. It returns before the record is anywhere; see entryToWrite.durable.
func (j *journal) append(record *entryToWrite) {
	j.mu.Lock()
	j.pending = append(j.pending, record)
	j.mu.Unlock()
	j.waiting.Signal()
}

// commit hands a record over and returns when it is on the disk.
func (j *journal) commit(payload []byte, settle func(*segment)) {
	record := &entryToWrite{payload: payload, settle: settle, durable: make(chan struct{})}
	j.append(record)
	<-record.durable
}

// write is the only writer. A journal that cannot be written cannot keep a promise: the server ends, and says why.
func (j *journal) write() {
	defer close(j.done)
	var batch []*entryToWrite
	for {
		j.mu.Lock()
		for len(j.pending) == 0 && !j.closing {
			j.waiting.Wait()
		}
		batch, j.pending = j.pending, batch[:0]
		j.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		if err := j.writeBatch(batch); err != nil {
			fmt.Fprintln(os.Stderr, "pubsub-server: cannot write the journal:", err)
			os.Exit(1)
		}
		clear(batch)
	}
}

func (j *journal) writeBatch(batch []*entryToWrite) error {
	home := j.current()
	mustSync := false
	j.scratch = j.scratch[:0]
	for _, record := range batch {
		j.scratch = appendRecord(j.scratch, record.payload)
		mustSync = mustSync || record.durable != nil
		if record.settle != nil {
			record.settle(home)
		}
	}
	if _, err := j.file.Write(j.scratch); err != nil {
		return err
	}
	j.segmentsMu.Lock()
	home.size += int64(len(j.scratch))
	j.segmentsMu.Unlock()
	j.records.Add(int64(len(batch)))
	if mustSync {
		if err := j.file.Sync(); err != nil {
			return err
		}
		j.syncs.Add(1)
	}
	for _, record := range batch {
		if record.durable != nil {
			close(record.durable)
		}
	}
	// One large batch must not keep its room for ever.
	if cap(j.scratch) > 4*segmentBytes {
		j.scratch = nil
	}
	if home.size >= segmentBytes {
		return j.beginSegment()
	}
	return nil
}

func (j *journal) beginSegment() error {
	if j.file != nil {
		// What is in it without a sync of its own are acknowledgements; with a later file begun they come first.
		if err := j.file.Sync(); err != nil {
			return err
		}
		if err := j.file.Close(); err != nil {
			return err
		}
	}
	next := uint64(1)
	if n := len(j.segments); n > 0 {
		if _, err := fmt.Sscanf(filepath.Base(j.segments[n-1].path), segmentName, &next); err != nil {
			return err
		}
		next++
	}
	path := filepath.Join(j.dir, fmt.Sprintf(segmentName, next))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	j.file = file
	j.segmentsMu.Lock()
	j.segments = append(j.segments, &segment{path: path})
	j.segmentsMu.Unlock()
	return syncDir(j.dir)
}

const segmentName = "journal-%08d"

func (j *journal) current() *segment {
	j.segmentsMu.Lock()
	defer j.segmentsMu.Unlock()
	return j.segments[len(j.segments)-1]
}

// close writes what waits, syncs it and ends the writer. Nothing may be appended afterwards.
func (j *journal) close() error {
	j.mu.Lock()
	j.closing = true
	j.mu.Unlock()
	j.waiting.Signal()
	<-j.done
	if err := j.file.Sync(); err != nil {
		return err
	}
	return j.file.Close()
}

// A record on disk: length and checksum of the payload, little endian, then the payload.
const recordHeader = 8

var checksums = crc32.MakeTable(crc32.Castagnoli)

func appendRecord(to, payload []byte) []byte {
	to = binary.LittleEndian.AppendUint32(to, uint32(len(payload)))
	to = binary.LittleEndian.AppendUint32(to, crc32.Checksum(payload, checksums))
	return append(to, payload...)
}

// syncDir makes names in a directory durable: a file that was synced may still have no name after a crash.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := dir.Sync(); err != nil {
		_ = dir.Close()
		return err
	}
	return dir.Close()
}
