package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestAPublishedMessageArrivesWholeWithItsIdAndTime(t *testing.T) {
	w := newWorld(t)
	w.shop()
	ids := w.publish(0, 3)
	got := w.pull(testSub, 10)
	if len(got) != 3 {
		t.Fatalf("%d messages", len(got))
	}
	for i, one := range got {
		m := one.Message
		if string(m.Data) != fmt.Sprint("order ", i) || m.Attributes["kind"] != "place" || m.MessageId != ids[i] {
			t.Errorf("message %d is %v, published as %s", i, m, ids[i])
		}
		if m.PublishTime.AsTime().IsZero() || one.DeliveryAttempt != 1 {
			t.Errorf("message %d: time %v, attempt %d", i, m.PublishTime, one.DeliveryAttempt)
		}
	}
	if ids[0] >= ids[1] || ids[1] >= ids[2] {
		t.Errorf("ids do not grow: %v", ids)
	}
}

func TestEverySubscriptionOfATopicGetsEveryMessage(t *testing.T) {
	w := newWorld(t)
	w.shop()
	api := &service{broker: w.broker}
	other := "projects/p/subscriptions/other"
	_, err := api.CreateSubscription(context.Background(), &pb.Subscription{Name: other, Topic: testTopic})
	w.must(err)
	w.publish(0, 5)
	w.ack(w.pull(testSub, 10)...)
	if got := w.pull(other, 10); len(got) != 5 || got[0].DeliveryAttempt != 0 {
		t.Errorf("the other subscription got %v", got)
	}
}

func TestTheStreamHoldsBackAtTheClientsLimitOfMessages(t *testing.T) {
	w := newWorld(t)
	w.shop()
	call := w.stream(10, 0)
	w.publish(0, 50)
	held := receiveN(t, call, 10)
	if outstanding := w.stats(testSub).Outstanding; outstanding != 10 {
		t.Fatalf("%d outstanding", outstanding)
	}
	// Four come for four that went, over the stream and over a call of its own.
	w.must(call.Send(&pb.StreamingPullRequest{AckIds: []string{held[0].AckId, held[1].AckId}}))
	w.ack(held[2], held[3])
	receiveN(t, call, 4)
	if stats := w.stats(testSub); stats.Outstanding != 10 || stats.Delivered != 14 {
		t.Errorf("%+v", stats)
	}
}

func TestTheStreamHoldsBackAtTheClientsLimitOfBytes(t *testing.T) {
	w := newWorld(t)
	w.shop()
	call := w.stream(0, 1)
	w.publish(0, 3)
	first := receiveN(t, call, 1)
	if stats := w.stats(testSub); stats.Delivered != 1 {
		t.Fatalf("%+v", stats)
	}
	w.ack(first...)
	receiveN(t, call, 1)
}

func TestStreamsShareTheLoad(t *testing.T) {
	w := newWorld(t)
	w.shop()
	one, other := w.stream(0, 0), w.stream(0, 0)
	w.eventually("both streams wait", func() bool { return w.stats(testSub).Streams == 2 })
	for i := range 10 {
		w.publish(i*100, i*100+100)
	}
	// Each gets something: neither could have had more than half of it if the other one sleeps.
	receiveN(t, one, 1)
	receiveN(t, other, 1)
	w.eventually("everything is delivered", func() bool { return w.stats(testSub).Outstanding == 1000 })
}

func TestAWrongNameIsNotFound(t *testing.T) {
	w := newWorld(t)
	w.shop()
	ctx := context.Background()
	_, published := w.publisher.Publish(ctx, &pb.PublishRequest{
		Topic: "projects/wrong/topics/orders", Messages: []*pb.PubsubMessage{{Data: []byte("x")}},
	})
	_, pulled := w.subscriber.Pull(ctx, &pb.PullRequest{Subscription: "projects/p/subscriptions/wrong", MaxMessages: 1})
	call, err := w.subscriber.StreamingPull(ctx)
	w.must(err)
	w.must(call.Send(&pb.StreamingPullRequest{Subscription: "projects/p/subscriptions/wrong", StreamAckDeadlineSeconds: 10}))
	_, streamed := call.Recv()
	for _, err := range []error{published, pulled, streamed} {
		if status.Code(err) != codes.NotFound || !strings.Contains(err.Error(), "Resource not found") {
			t.Errorf("%v", err)
		}
	}
}

func TestWhatGoogleRefusesIsRefused(t *testing.T) {
	w := newWorld(t)
	w.shop()
	for what, messages := range map[string][]*pb.PubsubMessage{
		"no message": {}, "an empty message": {{}}, "too many": make([]*pb.PubsubMessage, maxBatch+1),
	} {
		for i := range messages {
			if messages[i] == nil {
				messages[i] = &pb.PubsubMessage{Data: []byte("x")}
			}
		}
		_, err := w.publisher.Publish(context.Background(), &pb.PublishRequest{Topic: testTopic, Messages: messages})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", what, err)
		}
	}
	if stats := w.stats(testSub); stats.Backlog != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestADeletedSubscriptionEndsItsStreams(t *testing.T) {
	w := newWorld(t)
	w.shop()
	call := w.stream(0, 0)
	_, err := w.subscriber.DeleteSubscription(context.Background(), &pb.DeleteSubscriptionRequest{Subscription: testSub})
	w.must(err)
	if _, err := call.Recv(); status.Code(err) != codes.NotFound {
		t.Error(err)
	}
}

// receiveN reads the stream until it has n messages, and fails on more: those that are not waited for stay in the server.
func receiveN(t *testing.T, call pb.Subscriber_StreamingPullClient, n int) []*pb.ReceivedMessage {
	t.Helper()
	var got []*pb.ReceivedMessage
	for len(got) < n {
		response, err := call.Recv()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, response.ReceivedMessages...)
	}
	return got
}
