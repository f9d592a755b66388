package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func (w *world) request(method, path, body string) (int, string) {
	w.t.Helper()
	request, err := http.NewRequest(method, w.base+path, strings.NewReader(body))
	w.must(err)
	response, err := http.DefaultClient.Do(request)
	w.must(err)
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	w.must(err)
	return response.StatusCode, string(answer)
}

func (w *world) knobs(body string) {
	w.t.Helper()
	if code, answer := w.request("PUT", "/faults", body); code != 200 {
		w.t.Fatal(answer)
	}
}

func TestEachPublishFaultStoresWhatItSays(t *testing.T) {
	for knob, want := range map[string]struct {
		code   codes.Code
		stored int
	}{
		`{"publish_refuse": 1}`:         {codes.Unavailable, 0},
		`{"publish_store_and_fail": 1}`: {codes.Unavailable, 1},
		`{"publish_no_answer": 1}`:      {codes.DeadlineExceeded, 1},
		`{"publish_delay_ms": 5000}`:    {codes.DeadlineExceeded, 0},
		`{}`:                            {codes.OK, 1},
	} {
		w := newWorld(t)
		w.shop()
		w.knobs(knob)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_, err := w.publisher.Publish(ctx, &pb.PublishRequest{Topic: testTopic, Messages: []*pb.PubsubMessage{{Data: []byte("x")}}})
		cancel()
		if stored := w.stats(testSub).Backlog; status.Code(err) != want.code || stored != want.stored {
			t.Errorf("%s: %v, %d stored", knob, err, stored)
		}
	}
}

func TestEverythingIsDeliveredTwiceAndCountsAsOneAttempt(t *testing.T) {
	w := newWorld(t)
	w.shop()
	w.knobs(`{"deliver_copies": 2}`)
	call := w.stream(0, 0)
	w.publish(0, 5)
	got := receiveN(t, call, 10)
	times := map[string]int{}
	for _, one := range got {
		times[one.Message.MessageId]++
		if one.DeliveryAttempt != 1 {
			t.Errorf("attempt %d", one.DeliveryAttempt)
		}
	}
	for id, n := range times {
		if n != 2 {
			t.Errorf("message %s came %d times", id, n)
		}
	}
	w.ack(got...)
	if stats := w.stats(testSub); stats.Backlog != 0 || stats.Outstanding != 0 || stats.Acked != 5 {
		t.Errorf("%+v", stats)
	}
}

func TestShuffledDeliveryIsNotInOrderAndComplete(t *testing.T) {
	w := newWorld(t)
	w.shop()
	w.knobs(`{"shuffle": true}`)
	ids := w.publish(0, 100)
	got := w.pull(testSub, 100)
	moved, seen := 0, map[string]bool{}
	for i, one := range got {
		seen[one.Message.MessageId] = true
		if one.Message.MessageId != ids[i] {
			moved++
		}
	}
	if len(seen) != 100 || moved < 50 {
		t.Errorf("%d messages, %d not in their place", len(seen), moved)
	}
}

func TestLeasesCanBeMadeShorterOrEndedAtOnce(t *testing.T) {
	w := newWorld(t)
	w.shop()
	w.knobs(`{"lease_scale": 0.01}`)
	call := w.stream(0, 0)
	w.publish(0, 1)
	// The stream's ten seconds last a tenth of one.
	start := time.Now()
	receiveN(t, call, 2)
	if waited := time.Since(start); waited > 5*time.Second {
		t.Error(waited)
	}
	w.knobs(`{}`)
	receiveN(t, call, 1)
	w.request("POST", "/expire-leases", "")
	receiveN(t, call, 1)
}

func TestDroppedStreamsEndUnavailable(t *testing.T) {
	w := newWorld(t)
	w.shop()
	call := w.stream(0, 0)
	w.eventually("it is there", func() bool { return w.stats(testSub).Streams == 1 })
	if _, answer := w.request("POST", "/drop-streams", ""); !strings.Contains(answer, `"dropped": 1`) {
		t.Error(answer)
	}
	if _, err := call.Recv(); status.Code(err) != codes.Unavailable {
		t.Error(err)
	}
}

func TestAKnobThatDoesNotExistIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{`{"deliver_twice": true}`, `{"publish_refuse": 2}`, `{"lease_scale": -1}`, `x`} {
		if code, _ := w.request("PUT", "/faults", body); code != 400 {
			t.Errorf("%s: %d", body, code)
		}
	}
}
