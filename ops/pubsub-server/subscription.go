package main

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// subscription is who waits for what. Everything in it belongs to its lock, which is held for microseconds: never while
// something is encoded, sent or written.
type subscription struct {
	number uint64 // its name in the journal; never given again
	faults *faultBox

	mu      sync.Mutex
	config  *pb.Subscription
	entries map[uint64]*entry
	// What can be delivered: messages that were delivered before go first.
	again, fresh queue
	leases       wheel
	streams      map[*stream]struct{}
	idle         []*stream // streams that found nothing to deliver, the longest first
	deleted      chan struct{}
	counts       counts
}

type counts struct {
	delivered, acked, redelivered, expired, nacked, deadLettered int64
}

// entry is a message in one subscription.
type entry struct {
	message    *message
	state      state
	queued     bool // in `again` or `fresh`
	owner      *stream
	due        int64  // when the lease or the rest ends, in milliseconds
	tick       int64  // the wheel's bucket that counts; others have forgotten it
	generation uint32 // of the lease; part of the ack id
	attempts   int32
	copies     int32 // extra ones delivered, by the fault knob
}

type state uint8

const (
	ready state = iota
	leased
	resting // nacked, waits for the retry policy's pause
	gone
)

// delivery is an entry on its way to a client, copied so that no lock is needed to encode it.
type delivery struct {
	frame      []byte
	id         uint64
	generation uint32
	attempt    int32 // 0: not told, as without a dead-letter policy
}

// An ack id is the message's id and the generation of its lease: an acknowledgement of an earlier lease still counts,
// but it cannot be extended or given up any more.
func (d *delivery) appendAckID(to []byte) []byte {
	to = strconv.AppendUint(to, d.id, 10)
	to = append(to, '-')
	return strconv.AppendUint(to, uint64(d.generation), 10)
}

func parseAckID(text string) (id uint64, generation uint32, err error) {
	left, right, found := strings.Cut(text, "-")
	id, err = strconv.ParseUint(left, 10, 64)
	if err == nil {
		var wide uint64
		wide, err = strconv.ParseUint(right, 10, 32)
		generation = uint32(wide)
	}
	if err != nil || !found {
		return 0, 0, status.Errorf(codes.InvalidArgument, "Some acknowledgement ids in the request were invalid. (%q)", text)
	}
	return id, generation, nil
}

func newSubscription(number uint64, config *pb.Subscription, faults *faultBox) *subscription {
	return &subscription{
		number: number, config: config, faults: faults,
		entries: map[uint64]*entry{}, streams: map[*stream]struct{}{}, deleted: make(chan struct{}),
		leases: newWheel(nowMillis()),
	}
}

func (s *subscription) settings() *pb.Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	return proto.CloneOf(s.config)
}

// add takes messages in, whose `waiting` counts this subscription already.
func (s *subscription) add(messages []message) {
	entries := make([]entry, len(messages))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isDeleted() {
		for i := range messages {
			messages[i].done()
		}
		return
	}
	for i := range messages {
		entries[i] = entry{message: &messages[i], queued: true}
		s.entries[messages[i].id] = &entries[i]
		s.fresh.push(&entries[i])
	}
	s.wakeOne()
}

// take leases what the stream may have now: at most maxBatch messages and about maxBatchBytes. When there is nothing, the
// stream will be woken.
func (s *subscription) take(to *stream, most int) []delivery {
	faults := s.faults.load()
	s.mu.Lock()
	defer s.mu.Unlock()
	most = min(most, maxBatch, s.share(), to.allowance())
	var batch []delivery
	var duplicates []*entry
	bytes, now := 0, nowMillis()
	for len(batch) < most && bytes < maxBatchBytes && to.allowsBytes() {
		e := s.next(faults.Shuffle)
		if e == nil {
			break
		}
		if batch == nil {
			batch = make([]delivery, 0, min(most, s.again.len()+s.fresh.len()+1))
		}
		batch = append(batch, s.lease(e, to, now, faults.LeaseScale))
		bytes += len(e.message.frame)
		if e.copies+1 < faults.DeliverCopies {
			e.copies++
			duplicates = append(duplicates, e)
		}
	}
	for _, e := range duplicates {
		e.queued = true
		s.again.push(e)
	}
	s.counts.delivered += int64(len(batch))
	if len(batch) == 0 && !to.full() && !to.idle {
		to.idle = true
		s.idle = append(s.idle, to)
	}
	// Each woken stream wakes the next one, while there is something left.
	if len(batch) > 0 && s.again.len()+s.fresh.len() > 0 {
		s.wakeOne()
	}
	return batch
}

const (
	maxBatch      = 1000
	maxBatchBytes = 3 << 20 // clients of gRPC take 4 MB unless told otherwise
)

// share keeps one stream from taking everything that the others could have.
func (s *subscription) share() int {
	if len(s.streams) < 2 {
		return maxBatch
	}
	return max(100, (s.again.len()+s.fresh.len())/len(s.streams))
}

// next is the entry to deliver now; nil when there is none.
func (s *subscription) next(shuffle bool) *entry {
	for {
		from := &s.again
		if from.len() == 0 {
			from = &s.fresh
		}
		if from.len() == 0 {
			return nil
		}
		if shuffle {
			from.swapWithFirst(rand.IntN(from.len()))
		}
		e := from.pop()
		e.queued = false
		if e.state != gone {
			return e
		}
	}
}

func (s *subscription) lease(e *entry, to *stream, now int64, scale float64) delivery {
	// One that is leased already is delivered twice by the fault knob: no further attempt, and the lease changes hands.
	if e.state != leased {
		if e.attempts++; e.attempts > 1 {
			s.counts.redelivered++
		}
	}
	s.release(e)
	e.state = leased
	e.generation++
	e.owner = to
	to.outstanding++
	to.outstandingBytes += len(e.message.frame)
	s.schedule(e, now+int64(float64(to.ackDeadline(s.config))*scale*1000))
	d := delivery{frame: e.message.frame, id: e.message.id, generation: e.generation}
	if s.config.DeadLetterPolicy != nil {
		d.attempt = e.attempts
	}
	return d
}

// release takes an entry from the stream that had it, which may now have another.
func (s *subscription) release(e *entry) {
	owner := e.owner
	if owner == nil {
		return
	}
	wasFull := owner.full()
	e.owner = nil
	owner.outstanding--
	owner.outstandingBytes -= len(e.message.frame)
	if wasFull && !owner.full() {
		owner.signal()
	}
}

func (s *subscription) schedule(e *entry, due int64) {
	e.due = due
	s.leases.put(e)
}

// ack forgets messages, whoever has them leased now, and returns the ids that were still wanted.
func (s *subscription) ack(ackIDs []string) ([]uint64, error) {
	ids := make([]uint64, 0, len(ackIDs))
	for _, text := range ackIDs {
		id, _, err := parseAckID(text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := ids[:0]
	for _, id := range ids {
		if e := s.entries[id]; e != nil {
			s.forget(e)
			wanted = append(wanted, id)
		}
	}
	s.counts.acked += int64(len(wanted))
	return wanted, nil
}

func (s *subscription) forget(e *entry) {
	s.release(e)
	e.state = gone
	delete(s.entries, e.message.id)
	e.message.done()
}

// extend gives leases another end, `seconds` from now; 0 gives the messages up. It returns those that used up their
// deliveries.
func (s *subscription) extend(ackIDs []string, seconds int32) ([]*entry, error) {
	scale := s.faults.load().LeaseScale
	s.mu.Lock()
	defer s.mu.Unlock()
	var dead []*entry
	now := nowMillis()
	for _, text := range ackIDs {
		id, generation, err := parseAckID(text)
		if err != nil {
			return dead, err
		}
		e := s.entries[id]
		if e == nil || e.state != leased || e.generation != generation {
			continue
		}
		if seconds > 0 {
			s.schedule(e, now+int64(float64(seconds)*scale*1000))
			continue
		}
		s.counts.nacked++
		dead = s.giveUp(e, now, dead)
	}
	s.wakeOne()
	return dead, nil
}

// giveUp makes a leased entry deliverable again, or appends it to those that were delivered too often.
func (s *subscription) giveUp(e *entry, now int64, dead []*entry) []*entry {
	s.release(e)
	if policy := s.config.DeadLetterPolicy; policy != nil && e.attempts >= policy.MaxDeliveryAttempts {
		// It rests while it is forwarded, and comes back if that fails.
		e.state = resting
		s.schedule(e, now+deadLetterRetryMillis)
		return append(dead, e)
	}
	if pause := retryPause(s.config.RetryPolicy, e.attempts); pause > 0 {
		e.state = resting
		s.schedule(e, now+pause.Milliseconds())
		return dead
	}
	s.enqueueAgain(e)
	return dead
}

const deadLetterRetryMillis = 1000

func (s *subscription) enqueueAgain(e *entry) {
	e.state = ready
	if !e.queued {
		e.queued = true
		s.again.push(e)
	}
}

// retryPause doubles from the policy's minimum to its maximum.
func retryPause(policy *pb.RetryPolicy, attempts int32) time.Duration {
	if policy == nil {
		return 0
	}
	shortest, longest := 10*time.Second, 600*time.Second
	if policy.MinimumBackoff != nil {
		shortest = policy.MinimumBackoff.AsDuration()
	}
	if policy.MaximumBackoff != nil {
		longest = policy.MaximumBackoff.AsDuration()
	}
	return min(longest, shortest<<min(max(attempts-1, 0), 16))
}

// expire ends the leases and rests that are due, or every lease, and returns what was delivered too often.
func (s *subscription) expire(now int64, everyLease bool) []*entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	var dead []*entry
	if everyLease {
		for _, e := range s.entries {
			if e.state == leased {
				s.counts.expired++
				dead = s.giveUp(e, now, dead)
			}
		}
	}
	s.leases.advance(now, func(e *entry) {
		switch e.state {
		case leased:
			s.counts.expired++
			dead = s.giveUp(e, now, dead)
		case resting:
			s.enqueueAgain(e)
		}
	})
	if s.again.len() > 0 {
		s.wakeOne()
	}
	return dead
}

func (s *subscription) wakeOne() {
	for len(s.idle) > 0 && s.again.len()+s.fresh.len() > 0 {
		first := s.idle[0]
		s.idle = append(s.idle[:0], s.idle[1:]...)
		first.idle = false
		if _, open := s.streams[first]; open {
			first.signal()
			return
		}
	}
}

func (s *subscription) isDeleted() bool {
	select {
	case <-s.deleted:
		return true
	default:
		return false
	}
}

// delete ends the streams and lets go of every message.
func (s *subscription) delete() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.deleted)
	for _, e := range s.entries {
		e.state = gone
		e.message.done()
	}
	clear(s.entries)
}
