package main

import (
	"math"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// stream is one client's StreamingPull, or a single Pull. Its fields belong to the subscription's lock.
type stream struct {
	subscription *subscription
	deadline     int32 // seconds; 0: the subscription's
	// The client's flow control; 0 or less: no limit.
	maxMessages, maxBytes         int
	outstanding, outstandingBytes int

	idle    bool          // waits in the subscription's list
	wake    chan struct{} // holds one signal: look again
	dropped chan struct{}
}

func (s *subscription) join(deadline int32, maxMessages, maxBytes int64) *stream {
	st := &stream{
		subscription: s, deadline: deadline, maxMessages: int(maxMessages), maxBytes: int(maxBytes),
		wake: make(chan struct{}, 1), dropped: make(chan struct{}),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams[st] = struct{}{}
	return st
}

// leave ends a stream. Its leases go on: the client may still acknowledge, and nobody knows whether it lives.
func (s *subscription) leave(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, st)
	for i, waiting := range s.idle {
		if waiting == st {
			s.idle = append(s.idle[:i], s.idle[i+1:]...)
			break
		}
	}
	// It may have been woken for something that it will not fetch any more.
	s.wakeOne()
}

// dropStreams ends every stream as Google's servers do from time to time.
func (s *subscription) dropStreams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := 0
	for st := range s.streams {
		select {
		case <-st.dropped:
		default:
			close(st.dropped)
			count++
		}
	}
	return count
}

func (st *stream) signal() {
	select {
	case st.wake <- struct{}{}:
	default:
	}
}

func (st *stream) ackDeadline(config *pb.Subscription) int32 {
	if st.deadline > 0 {
		return st.deadline
	}
	return config.AckDeadlineSeconds
}

func (st *stream) allowance() int {
	if st.maxMessages <= 0 {
		return math.MaxInt
	}
	return max(0, st.maxMessages-st.outstanding)
}

func (st *stream) allowsBytes() bool { return st.maxBytes <= 0 || st.outstandingBytes < st.maxBytes }

func (st *stream) full() bool { return st.allowance() == 0 || !st.allowsBytes() }
