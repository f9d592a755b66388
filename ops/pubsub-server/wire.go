package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that ours falls back to
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// The two messages that carry tickets' worth of payload, requests to publish and deliveries, are never decoded into
// objects: a message is a run of bytes from the publisher's request through the journal into every delivery, with our
// id and time appended. Everything else takes the ordinary way.
type codec struct{ ordinary encoding.CodecV2 }

func newCodec() codec { return codec{ordinary: encoding.GetCodecV2("proto")} }

func (codec) Name() string { return "proto" }

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if raw, ok := v.(mem.BufferSlice); ok {
		return raw, nil
	}
	return c.ordinary.Marshal(v)
}

func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if request, ok := v.(*publishRequest); ok {
		return request.parse(data.Materialize())
	}
	return c.ordinary.Unmarshal(data, v)
}

// Field numbers of google.pubsub.v1, each as in Google's published definition.
const (
	requestTopic, requestMessages                           = 1, 2 // PublishRequest
	responseMessageIDs                                      = 1    // PublishResponse
	messageData, messageAttributes, messageID, messageTime  = 1, 2, 3, 4
	receivedMessages                                        = 1 // StreamingPullResponse and PullResponse
	receivedAckID, receivedMessage, receivedDeliveryAttempt = 1, 2, 3
	timestampSeconds, timestampNanos                        = 1, 2
	entryKey, entryValue                                    = 1, 2 // of a map
)

// publishRequest is a PublishRequest whose messages are left as they came.
type publishRequest struct {
	topic    string
	messages [][]byte
}

var errEmptyMessage = errors.New("a message must have data or attributes")

func (r *publishRequest) parse(data []byte) error {
	return eachField(data, func(number protowire.Number, value []byte) error {
		switch number {
		case requestTopic:
			r.topic = string(value)
		case requestMessages:
			r.messages = append(r.messages, value)
		}
		return nil
	})
}

// checkMessage refuses what Google refuses, and what could not be delivered.
func checkMessage(message []byte) error {
	full := false
	err := eachField(message, func(number protowire.Number, value []byte) error {
		full = full || (number == messageData && len(value) > 0) || number == messageAttributes
		return nil
	})
	if err == nil && !full {
		err = errEmptyMessage
	}
	return err
}

// eachField visits the length-delimited fields of a message and skips the others.
func eachField(data []byte, visit func(protowire.Number, []byte) error) error {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return fmt.Errorf("malformed message: %w", protowire.ParseError(n))
		}
		data = data[n:]
		if kind == protowire.BytesType {
			value, m := protowire.ConsumeBytes(data)
			if m < 0 {
				return fmt.Errorf("malformed message: %w", protowire.ParseError(m))
			}
			if err := visit(number, value); err != nil {
				return err
			}
			data = data[m:]
			continue
		}
		m := protowire.ConsumeFieldValue(number, kind, data)
		if m < 0 {
			return fmt.Errorf("malformed message: %w", protowire.ParseError(m))
		}
		data = data[m:]
	}
	return nil
}

// stampRoom is more than appendStamp ever adds.
const stampRoom = 64

// appendStamp makes a message ours: with protobuf the last value of a field counts, so appending replaces.
func appendStamp(to []byte, id uint64, published time.Time) []byte {
	var digits [20]byte
	text := strconv.AppendUint(digits[:0], id, 10)
	to = protowire.AppendTag(to, messageID, protowire.BytesType)
	to = protowire.AppendBytes(to, text)
	var stamp [24]byte
	inner := protowire.AppendTag(stamp[:0], timestampSeconds, protowire.VarintType)
	inner = protowire.AppendVarint(inner, uint64(published.Unix()))
	inner = protowire.AppendTag(inner, timestampNanos, protowire.VarintType)
	inner = protowire.AppendVarint(inner, uint64(published.Nanosecond()))
	to = protowire.AppendTag(to, messageTime, protowire.BytesType)
	return protowire.AppendBytes(to, inner)
}

func appendAttribute(to []byte, key, value string) []byte {
	entry := protowire.AppendTag(nil, entryKey, protowire.BytesType)
	entry = protowire.AppendString(entry, key)
	entry = protowire.AppendTag(entry, entryValue, protowire.BytesType)
	entry = protowire.AppendString(entry, value)
	to = protowire.AppendTag(to, messageAttributes, protowire.BytesType)
	return protowire.AppendBytes(to, entry)
}

func encodePublished(first uint64, count int) mem.BufferSlice {
	var digits [20]byte
	data := make([]byte, 0, count*22)
	for i := range count {
		data = protowire.AppendTag(data, responseMessageIDs, protowire.BytesType)
		data = protowire.AppendBytes(data, strconv.AppendUint(digits[:0], first+uint64(i), 10))
	}
	return mem.BufferSlice{mem.SliceBuffer(data)}
}

// encodeReceived writes deliveries in one pass into a buffer that gRPC gives back to its pool once it is sent.
func encodeReceived(deliveries []delivery) mem.BufferSlice {
	size := 0
	for i := range deliveries {
		size += len(deliveries[i].frame) + stampRoom
	}
	pool := mem.DefaultBufferPool()
	buffer := pool.Get(size)
	data := (*buffer)[:0]
	var room [48]byte
	for i := range deliveries {
		d := &deliveries[i]
		ack := d.appendAckID(room[:0])
		inner := protowire.SizeTag(receivedAckID) + protowire.SizeBytes(len(ack)) +
			protowire.SizeTag(receivedMessage) + protowire.SizeBytes(len(d.frame))
		if d.attempt > 0 {
			inner += protowire.SizeTag(receivedDeliveryAttempt) + protowire.SizeVarint(uint64(d.attempt))
		}
		data = protowire.AppendTag(data, receivedMessages, protowire.BytesType)
		data = protowire.AppendVarint(data, uint64(inner))
		data = protowire.AppendTag(data, receivedAckID, protowire.BytesType)
		data = protowire.AppendBytes(data, ack)
		data = protowire.AppendTag(data, receivedMessage, protowire.BytesType)
		data = protowire.AppendBytes(data, d.frame)
		if d.attempt > 0 {
			data = protowire.AppendTag(data, receivedDeliveryAttempt, protowire.VarintType)
			data = protowire.AppendVarint(data, uint64(d.attempt))
		}
	}
	*buffer = data
	return mem.BufferSlice{mem.NewBuffer(buffer, pool)}
}
