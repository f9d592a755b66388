package main

import (
	"encoding/binary"
	"errors"
	"sync/atomic"
	"time"
)

// The two kinds of records. Numbers are varints.
//
//	published   time, subscriptions (count and numbers), messages (count; id, length and frame of each)
//	acked       subscription, ids (count, each)
const (
	recordPublished byte = 'P'
	recordAcked     byte = 'A'
)

// message is what was published, once for all subscriptions that wait for it.
type message struct {
	id        uint64
	published int64 // nanoseconds since 1970
	frame     []byte
	residence
}

// encodePublish stamps messages from `first` on and writes their record; the messages' frames are parts of it.
func encodePublish(subscriptions []uint64, first uint64, published time.Time, bodies [][]byte) ([]byte, []message) {
	size := 32 + 10*len(subscriptions)
	for _, body := range bodies {
		size += len(body) + stampRoom + 2*binary.MaxVarintLen64
	}
	payload := publishHeader(make([]byte, 0, size), published.UnixNano(), subscriptions, len(bodies))
	messages := make([]message, len(bodies))
	handedOut := &atomic.Bool{}
	var room []byte
	for i, body := range bodies {
		id := first + uint64(i)
		room = appendStamp(room[:0], id, published)
		payload = binary.AppendUvarint(payload, id)
		payload = binary.AppendUvarint(payload, uint64(len(body)+len(room)))
		start := len(payload)
		payload = append(payload, body...)
		payload = append(payload, room...)
		messages[i].id, messages[i].published = id, published.UnixNano()
		messages[i].frame = payload[start:len(payload):len(payload)]
		messages[i].waiting.Store(int32(len(subscriptions)))
		messages[i].handedOut = handedOut
	}
	return payload, messages
}

// encodeAgain writes the record of a message that moves to a younger segment, for those who still wait for it.
func encodeAgain(m *message, subscriptions []uint64) []byte {
	payload := publishHeader(make([]byte, 0, len(m.frame)+64+10*len(subscriptions)), m.published, subscriptions, 1)
	payload = binary.AppendUvarint(payload, m.id)
	payload = binary.AppendUvarint(payload, uint64(len(m.frame)))
	return append(payload, m.frame...)
}

func publishHeader(to []byte, published int64, subscriptions []uint64, messages int) []byte {
	to = append(to, recordPublished)
	to = binary.AppendUvarint(to, uint64(published))
	to = binary.AppendUvarint(to, uint64(len(subscriptions)))
	for _, number := range subscriptions {
		to = binary.AppendUvarint(to, number)
	}
	return binary.AppendUvarint(to, uint64(messages))
}

func encodeAcked(subscription uint64, ids []uint64) []byte {
	to := append(make([]byte, 0, 16+len(ids)*9), recordAcked)
	to = binary.AppendUvarint(to, subscription)
	to = binary.AppendUvarint(to, uint64(len(ids)))
	for _, id := range ids {
		to = binary.AppendUvarint(to, id)
	}
	return to
}

var errRecord = errors.New("a record with a right checksum makes no sense")

// decoder reads numbers and runs of bytes; the first failure sticks.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) number() uint64 {
	value, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.failed, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return value
}

func (d *decoder) bytes() []byte {
	length := d.number()
	if d.failed || length > uint64(len(d.rest)) {
		d.failed, d.rest = true, nil
		return nil
	}
	value := d.rest[:length:length]
	d.rest = d.rest[length:]
	return value
}

// numbers reads a count and that many numbers.
func (d *decoder) numbers() []uint64 {
	count := d.number()
	// Each takes a byte at least.
	if count > uint64(len(d.rest)) {
		d.failed = true
		return nil
	}
	values := make([]uint64, count)
	for i := range values {
		values[i] = d.number()
	}
	return values
}
