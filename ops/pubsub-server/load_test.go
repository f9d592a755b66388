package main

import (
	"context"
	"io"
	"sync"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// BenchmarkPublishAndDeliver takes messages of 300 bytes through the journal to two streams that acknowledge them.
//
//	go test -run '^$' -bench . -benchtime 500000x
//
// Client and server share this process and its CPU.
func BenchmarkPublishAndDeliver(b *testing.B) {
	w := &world{t: &testing.T{}, dir: b.TempDir()}
	w.start()
	defer w.stop()
	w.shop()
	const batch, publishers = 100, 16
	var consumers, producers sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	delivered := make(chan int, 1000)
	for range 2 {
		call, err := w.subscriber.StreamingPull(ctx)
		if err != nil {
			b.Fatal(err)
		}
		first := &pb.StreamingPullRequest{Subscription: testSub, StreamAckDeadlineSeconds: 10, MaxOutstandingMessages: 20000}
		if err := call.Send(first); err != nil {
			b.Fatal(err)
		}
		consumers.Go(func() { consume(call, delivered) })
	}
	body := make([]byte, 300)
	requests := make(chan *pb.PublishRequest, publishers)
	for range publishers {
		producers.Go(func() {
			for request := range requests {
				if _, err := w.publisher.Publish(ctx, request); err != nil {
					b.Error(err)
				}
			}
		})
	}
	b.ResetTimer()
	go func() {
		for left := b.N; left > 0; left -= batch {
			request := &pb.PublishRequest{Topic: testTopic}
			for range min(batch, left) {
				request.Messages = append(request.Messages, &pb.PubsubMessage{Data: body})
			}
			requests <- request
		}
		close(requests)
	}()
	for seen := 0; seen < b.N; {
		seen += <-delivered
	}
	b.StopTimer()
	producers.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	b.ReportMetric(float64(w.broker.journal.stats().Syncs), "syncs")
	cancel()
	consumers.Wait()
}

func consume(call pb.Subscriber_StreamingPullClient, delivered chan<- int) {
	for {
		response, err := call.Recv()
		if err != nil {
			return
		}
		request := &pb.StreamingPullRequest{}
		for _, one := range response.ReceivedMessages {
			request.AckIds = append(request.AckIds, one.AckId)
		}
		if err := call.Send(request); err != nil && err != io.EOF {
			return
		}
		delivered <- len(request.AckIds)
	}
}
