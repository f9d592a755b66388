package main

import (
	"context"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

func TestWhatIsNotAcknowledgedComesAgainWithALaterAttempt(t *testing.T) {
	w := newWorld(t)
	w.shop()
	w.publish(0, 1)
	first := w.pull(testSub, 1)
	start := time.Now()
	second := w.pull(testSub, 1)
	if waited := time.Since(start); waited < 900*time.Millisecond {
		t.Errorf("a lease of a second ended after %v", waited)
	}
	if len(second) != 1 || second[0].DeliveryAttempt != 2 || second[0].AckId == first[0].AckId {
		t.Errorf("first %v, second %v", first, second)
	}
	// The acknowledgement of the earlier lease counts still.
	w.ack(first...)
	if stats := w.stats(testSub); stats.Backlog != 0 || stats.Expired != 1 || stats.Redelivered != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestAnExtendedLeaseHolds(t *testing.T) {
	w := newWorld(t)
	w.shop()
	w.publish(0, 1)
	held := w.pull(testSub, 1)
	w.extend(600, held...)
	// Its bucket of the wheel passes by.
	w.expireAt(nowMillis() + 5_000)
	if stats := w.stats(testSub); stats.Expired != 0 || stats.Outstanding != 1 {
		t.Errorf("%+v", stats)
	}
	w.expireAt(nowMillis() + 601_000)
	if stats := w.stats(testSub); stats.Expired != 1 || stats.Outstanding != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestAShortenedLeaseEndsEarlier(t *testing.T) {
	w := newWorld(t)
	w.shop()
	w.publish(0, 1)
	held := w.pull(testSub, 1)
	w.extend(600, held...)
	w.expireAt(nowMillis() + 2_000)
	w.extend(10, held...)
	w.expireAt(nowMillis() + 11_000)
	if stats := w.stats(testSub); stats.Expired != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestAMessageGivenUpComesAtOnceAndItsOldLeaseCannotBeExtended(t *testing.T) {
	w := newWorld(t)
	w.shop()
	w.publish(0, 1)
	first := w.pull(testSub, 1)
	w.extend(0, first...)
	second := w.pull(testSub, 1)
	if len(second) != 1 || second[0].DeliveryAttempt != 2 {
		t.Fatalf("%v", second)
	}
	w.extend(0, first...)
	if stats := w.stats(testSub); stats.Nacked != 1 || stats.Outstanding != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestARetryPolicyMakesAMessageRest(t *testing.T) {
	policy := &pb.RetryPolicy{}
	if pause := retryPause(policy, 1); pause != 10*time.Second {
		t.Error(pause)
	}
	if pause := retryPause(policy, 3); pause != 40*time.Second {
		t.Error(pause)
	}
	if pause := retryPause(policy, 99); pause != 600*time.Second {
		t.Error(pause)
	}
	w := newWorld(t)
	w.shop()
	w.update(func(s *pb.Subscription) { s.RetryPolicy = policy }, "retry_policy")
	w.publish(0, 1)
	w.extend(0, w.pull(testSub, 1)...)
	if s := w.stats(testSub); s.Backlog != 1 || s.Outstanding != 0 {
		t.Fatalf("%+v", s)
	}
	w.expireAt(nowMillis() + 9_000)
	if n := w.waiting(); n != 0 {
		t.Errorf("%d can be delivered too early", n)
	}
	w.expireAt(nowMillis() + 11_000)
	if n := w.waiting(); n != 1 {
		t.Errorf("%d can be delivered", n)
	}
}

func TestAfterTheLastAttemptAMessageIsADeadLetterThatSaysWhereItCameFrom(t *testing.T) {
	w := newWorld(t)
	w.shop()
	w.publish(0, 1)
	for attempt := range int32(5) {
		got := w.pull(testSub, 1)
		if len(got) != 1 || got[0].DeliveryAttempt != attempt+1 {
			t.Fatalf("attempt %d: %v", attempt+1, got)
		}
		w.extend(0, got...)
	}
	dead := w.pull(deadSub, 1)
	if len(dead) != 1 || string(dead[0].Message.Data) != "order 0" {
		t.Fatalf("%v", dead)
	}
	has := dead[0].Message.Attributes
	if has["kind"] != "place" || has["CloudPubSubDeadLetterSourceDeliveryCount"] != "5" ||
		has["CloudPubSubDeadLetterSourceSubscription"] != "writer" ||
		has["CloudPubSubDeadLetterSourceSubscriptionProject"] != "p" ||
		has["CloudPubSubDeadLetterSourceTopicPublishTime"] == "" {
		t.Errorf("%v", has)
	}
	w.eventually("the source forgets it", func() bool {
		return w.stats(testSub).Backlog == 0 && w.stats(testSub).DeadLettered == 1
	})
	w.restart()
	if source, letters := w.stats(testSub).Backlog, w.stats(deadSub).Backlog; source != 0 || letters != 1 {
		t.Errorf("after a restart %d in the source, %d dead letters", source, letters)
	}
}

func TestWithoutADeadLetterTopicAMessageComesForEver(t *testing.T) {
	w := newWorld(t)
	w.shop()
	_, err := w.publisher.DeleteTopic(context.Background(), &pb.DeleteTopicRequest{Topic: testDead})
	w.must(err)
	w.publish(0, 1)
	for range 5 {
		w.extend(0, w.pull(testSub, 1)...)
	}
	if got := w.pull(testSub, 1); len(got) != 1 || got[0].DeliveryAttempt != 6 {
		t.Errorf("%v", got)
	}
}

// expireAt looks at the leases as if it were that time.
func (w *world) expireAt(millis int64) {
	w.t.Helper()
	s, err := w.broker.subscription(testSub)
	w.must(err)
	w.broker.forward(s, s.expire(millis, false))
}

// waiting is how much could be delivered now.
func (w *world) waiting() int {
	w.t.Helper()
	s, err := w.broker.subscription(testSub)
	w.must(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.again.len() + s.fresh.len()
}

func (w *world) update(change func(*pb.Subscription), paths ...string) {
	w.t.Helper()
	next := &pb.Subscription{Name: testSub}
	change(next)
	_, err := w.subscriber.UpdateSubscription(context.Background(), &pb.UpdateSubscriptionRequest{
		Subscription: next, UpdateMask: maskOf(paths),
	})
	w.must(err)
}
