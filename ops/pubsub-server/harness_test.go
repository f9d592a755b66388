package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	testTopic = "projects/p/topics/orders"
	testDead  = "projects/p/topics/dead"
	testSub   = "projects/p/subscriptions/writer"
	deadSub   = "projects/p/subscriptions/dead-letters"
)

// world is a server on a port of its own, over a directory that outlives it.
type world struct {
	t          *testing.T
	dir        string
	broker     *broker
	stop       func()
	publisher  pb.PublisherClient
	subscriber pb.SubscriberClient
	base       string
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir()}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

func (w *world) start() {
	w.t.Helper()
	b, err := openBroker(w.dir, 1)
	w.must(err)
	w.broker = b
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	mux := http.NewServeMux()
	server := newOurs(b, mux)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{}, 2)
	go func() { _ = serve(ctx, listener, server, mux); served <- struct{}{} }()
	go func() { b.expireLeases(ctx, 10*time.Millisecond); served <- struct{}{} }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	w.must(err)
	w.publisher, w.subscriber = pb.NewPublisherClient(conn), pb.NewSubscriberClient(conn)
	w.base = "http://" + listener.Addr().String()
	w.stop = func() {
		_ = conn.Close()
		cancel()
		<-served
		<-served
		_ = b.close()
	}
}

// restart ends the server in order and starts another one over the same directory.
func (w *world) restart() {
	w.stop()
	w.start()
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// shop makes a topic with a subscription, dead letters after five deliveries.
func (w *world) shop() {
	w.t.Helper()
	api := &service{broker: w.broker}
	ctx := context.Background()
	for _, name := range []string{testTopic, testDead} {
		_, err := api.CreateTopic(ctx, &pb.Topic{Name: name})
		w.must(err)
	}
	_, err := api.CreateSubscription(ctx, &pb.Subscription{Name: deadSub, Topic: testDead})
	w.must(err)
	_, err = api.CreateSubscription(ctx, &pb.Subscription{
		Name: testSub, Topic: testTopic, AckDeadlineSeconds: 1,
		DeadLetterPolicy: &pb.DeadLetterPolicy{DeadLetterTopic: testDead, MaxDeliveryAttempts: 5},
	})
	w.must(err)
}

// publish sends messages numbered from `from` to before `to`, and returns their ids.
func (w *world) publish(from, to int) []string {
	w.t.Helper()
	request := &pb.PublishRequest{Topic: testTopic}
	for i := from; i < to; i++ {
		request.Messages = append(request.Messages, &pb.PubsubMessage{
			Data: []byte(fmt.Sprint("order ", i)), Attributes: map[string]string{"kind": "place"},
		})
	}
	response, err := w.publisher.Publish(context.Background(), request)
	w.must(err)
	if len(response.MessageIds) != to-from {
		w.t.Fatalf("%d ids for %d messages", len(response.MessageIds), to-from)
	}
	return response.MessageIds
}

func (w *world) pull(subscription string, most int32) []*pb.ReceivedMessage {
	w.t.Helper()
	response, err := w.subscriber.Pull(context.Background(), &pb.PullRequest{Subscription: subscription, MaxMessages: most})
	w.must(err)
	return response.ReceivedMessages
}

func (w *world) ack(received ...*pb.ReceivedMessage) {
	w.t.Helper()
	request := &pb.AcknowledgeRequest{Subscription: testSub}
	for _, one := range received {
		request.AckIds = append(request.AckIds, one.AckId)
	}
	_, err := w.subscriber.Acknowledge(context.Background(), request)
	w.must(err)
}

func (w *world) extend(seconds int32, received ...*pb.ReceivedMessage) {
	w.t.Helper()
	request := &pb.ModifyAckDeadlineRequest{Subscription: testSub, AckDeadlineSeconds: seconds}
	for _, one := range received {
		request.AckIds = append(request.AckIds, one.AckId)
	}
	_, err := w.subscriber.ModifyAckDeadline(context.Background(), request)
	w.must(err)
}

func (w *world) stream(maxMessages, maxBytes int64) pb.Subscriber_StreamingPullClient {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel)
	call, err := w.subscriber.StreamingPull(ctx)
	w.must(err)
	w.must(call.Send(&pb.StreamingPullRequest{
		Subscription: testSub, StreamAckDeadlineSeconds: 10, MaxOutstandingMessages: maxMessages, MaxOutstandingBytes: maxBytes,
	}))
	_, err = call.Header()
	w.must(err)
	return call
}

func (w *world) stats(subscription string) subscriptionStats {
	return w.broker.stats().Subscriptions[subscription]
}

// eventually polls for ten seconds, so that a loaded machine fails no test.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("after ten seconds still not: %s; %+v", what, w.broker.stats())
		}
	}
}
