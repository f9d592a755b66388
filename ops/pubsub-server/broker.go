package main

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// broker has the topics and subscriptions, and the journal that makes them last.
type broker struct {
	faults         *faultBox
	journal        *journal
	dir            string
	minAckDeadline int32

	mu            sync.RWMutex
	topics        map[string]*topic
	subscriptions map[string]*subscription
	lastNumber    uint64

	// Ids grow over restarts too: they begin at the microseconds of the start, or after the last one in the journal.
	lastID atomic.Uint64
	counts publishCounts
}

type publishCounts struct {
	requests, messages, refused, unanswered, failedAfterStore atomic.Int64
}

// topic sends what is published to the subscriptions it has at that moment.
type topic struct {
	config *pb.Topic
	// Replaced as a whole under the broker's lock, read without it.
	subscriptions atomic.Pointer[[]*subscription]
	published     atomic.Int64
}

func newTopic(config *pb.Topic) *topic {
	t := &topic{config: config}
	t.subscriptions.Store(&[]*subscription{})
	return t
}

func (b *broker) topic(name string) (*topic, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if t := b.topics[name]; t != nil {
		return t, nil
	}
	return nil, notFound(name)
}

func (b *broker) subscription(name string) (*subscription, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if s := b.subscriptions[name]; s != nil {
		return s, nil
	}
	return nil, notFound(name)
}

// notFound says it in Google's words.
func notFound(name string) error {
	return status.Errorf(codes.NotFound, "Resource not found (resource=%s).", name[strings.LastIndexByte(name, '/')+1:])
}

// publish stores messages, hands them to the subscriptions and returns the first of their consecutive ids. When it
// returns nil they are on the disk, unless nobody subscribes.
func (b *broker) publish(t *topic, bodies [][]byte, delay time.Duration) (uint64, error) {
	count := uint64(len(bodies))
	first := b.lastID.Add(count) - count + 1
	t.published.Add(int64(count))
	subscriptions := *t.subscriptions.Load()
	if len(subscriptions) == 0 {
		return first, nil
	}
	numbers := make([]uint64, len(subscriptions))
	for i, s := range subscriptions {
		numbers[i] = s.number
	}
	payload, messages := encodePublish(numbers, first, time.Now(), bodies)
	b.journal.commit(payload, func(home *segment) {
		for i := range messages {
			messages[i].settleIn(home)
		}
	})
	deliver := func() {
		for _, s := range subscriptions {
			s.add(messages)
		}
		messages[0].handedOut.Store(true)
	}
	if delay > 0 {
		time.AfterFunc(delay, deliver)
	} else {
		deliver()
	}
	return first, nil
}

// publishFaulty is publish with what the fault knobs ask for around it.
func (b *broker) publishFaulty(ctx context.Context, request *publishRequest) (uint64, error) {
	b.counts.requests.Add(1)
	knobs := b.faults.load()
	if happens(knobs.PublishRefuse) {
		b.counts.refused.Add(1)
		return 0, status.Error(codes.Unavailable, "refused by the fault knob, nothing is stored")
	}
	t, err := b.topic(request.topic)
	if err != nil {
		return 0, err
	}
	if len(request.messages) == 0 || len(request.messages) > maxBatch {
		return 0, status.Errorf(codes.InvalidArgument, "a request has 1 to %d messages, this one has %d", maxBatch, len(request.messages))
	}
	for _, message := range request.messages {
		if err := checkMessage(message); err != nil {
			return 0, status.Error(codes.InvalidArgument, err.Error())
		}
	}
	if err := pause(ctx, knobs.PublishDelay); err != nil {
		return 0, err
	}
	first, err := b.publish(t, request.messages, time.Duration(knobs.DeliverDelay)*time.Millisecond)
	if err != nil {
		return 0, err
	}
	b.counts.messages.Add(int64(len(request.messages)))
	if err := pause(ctx, knobs.PublishAnswerDelay); err != nil {
		return 0, err
	}
	if happens(knobs.PublishNoAnswer) {
		b.counts.unanswered.Add(1)
		<-ctx.Done()
		return 0, status.FromContextError(ctx.Err()).Err()
	}
	if happens(knobs.PublishStoreAndFail) {
		b.counts.failedAfterStore.Add(1)
		return 0, status.Error(codes.Unavailable, "failed by the fault knob, the messages are stored")
	}
	return first, nil
}

func pause(ctx context.Context, millis int64) error {
	if millis == 0 {
		return nil
	}
	select {
	case <-time.After(time.Duration(millis) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

func (b *broker) ack(s *subscription, ackIDs []string) error {
	ids, err := s.ack(ackIDs)
	if len(ids) > 0 {
		b.journal.append(&entryToWrite{payload: encodeAcked(s.number, ids)})
	}
	return err
}

func (b *broker) extend(s *subscription, ackIDs []string, seconds int32) error {
	if seconds < 0 || seconds > 600 {
		return status.Errorf(codes.InvalidArgument, "Invalid ack deadline given: %d (0 to 600 are allowed).", seconds)
	}
	dead, err := s.extend(ackIDs, seconds)
	b.forward(s, dead)
	return err
}

// expireLeases looks after every lease until the context ends.
func (b *broker) expireLeases(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for ticks := 1; ; ticks++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		b.expire(false)
		if ticks%20 == 0 {
			b.tidy()
		}
	}
}

func (b *broker) expire(everyLease bool) {
	for _, s := range b.allSubscriptions() {
		b.forward(s, s.expire(nowMillis(), everyLease))
	}
}

func (b *broker) allSubscriptions() []*subscription {
	b.mu.RLock()
	defer b.mu.RUnlock()
	all := make([]*subscription, 0, len(b.subscriptions))
	for _, s := range b.subscriptions {
		all = append(all, s)
	}
	return all
}

// forward publishes what was delivered too often to the dead-letter topic, and only then forgets it. Where there is no
// such topic the messages come back by themselves.
func (b *broker) forward(s *subscription, dead []*entry) {
	if len(dead) == 0 {
		return
	}
	config := s.settings()
	if config.DeadLetterPolicy == nil {
		return
	}
	to, err := b.topic(config.DeadLetterPolicy.DeadLetterTopic)
	if err != nil {
		return
	}
	for len(dead) > 0 {
		part := dead[:min(len(dead), maxBatch)]
		dead = dead[len(part):]
		bodies := make([][]byte, len(part))
		for i, e := range part {
			bodies[i] = deadLetter(e, config.Name)
		}
		// On a goroutine of its own: the journal's sync must not hold up the other leases.
		go func() {
			if _, err := b.publish(to, bodies, 0); err == nil {
				b.forgetForwarded(s, part)
			}
		}()
	}
}

func (b *broker) forgetForwarded(s *subscription, dead []*entry) {
	ids := make([]uint64, 0, len(dead))
	s.mu.Lock()
	for _, e := range dead {
		if e.state != gone {
			s.forget(e)
			ids = append(ids, e.message.id)
		}
	}
	s.counts.deadLettered += int64(len(ids))
	s.mu.Unlock()
	b.journal.append(&entryToWrite{payload: encodeAcked(s.number, ids)})
}

// deadLetter is the message with Google's attributes that say where it comes from.
func deadLetter(e *entry, subscription string) []byte {
	parts := strings.Split(subscription, "/")
	body := append(make([]byte, 0, len(e.message.frame)+256), e.message.frame...)
	const prefix = "CloudPubSubDeadLetterSource"
	body = appendAttribute(body, prefix+"DeliveryCount", strconv.Itoa(int(e.attempts)))
	body = appendAttribute(body, prefix+"Subscription", parts[len(parts)-1])
	body = appendAttribute(body, prefix+"SubscriptionProject", parts[1])
	return appendAttribute(body, prefix+"TopicPublishTime", time.Unix(0, e.message.published).UTC().Format(time.RFC3339Nano))
}

func (b *broker) close() error {
	return b.journal.close()
}
