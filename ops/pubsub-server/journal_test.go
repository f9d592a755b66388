package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

func maskOf(paths []string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }

func TestARestartKeepsWhatIsNotAcknowledgedAndNothingElse(t *testing.T) {
	w := newWorld(t)
	w.shop()
	ids := w.publish(0, 10)
	w.ack(w.pull(testSub, 4)...)
	w.restart()
	got := w.pull(testSub, 100)
	if len(got) != 6 || got[0].Message.MessageId != ids[4] || string(got[5].Message.Data) != "order 9" {
		t.Errorf("%v", got)
	}
	if later := w.publish(10, 11); later[0] <= ids[9] {
		t.Errorf("id %s after id %s", later[0], ids[9])
	}
}

func TestATornTailIsCutOffAndWhatCameBeforeStays(t *testing.T) {
	w := newWorld(t)
	w.shop()
	w.publish(0, 1)
	w.publish(1, 2)
	w.stop()
	path := w.segments()[0]
	whole, err := os.ReadFile(path)
	w.must(err)
	// Every way of being torn within the second record.
	second := recordHeader + len(nextRecord(whole))
	for _, length := range []int{second + 1, second + recordHeader, len(whole) - 1} {
		w.must(os.WriteFile(path, whole[:length], 0o600))
		w.removeAfter(path)
		w.start()
		if backlog := w.stats(testSub).Backlog; backlog != 1 {
			t.Errorf("cut at %d of %d: backlog %d", length, len(whole), backlog)
		}
		w.stop()
		if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, whole[:second]) {
			t.Errorf("cut at %d: %d bytes are left, %v", length, len(left), err)
		}
	}
	w.must(os.WriteFile(path, append(whole[:second:second], make([]byte, 100)...), 0o600))
	w.removeAfter(path)
	w.start()
	if backlog := w.stats(testSub).Backlog; backlog != 1 {
		t.Errorf("a tail of zeros: backlog %d", backlog)
	}
}

func TestDamageBeforeTheLastSegmentIsNotPassedOver(t *testing.T) {
	w := newWorld(t)
	w.shop()
	w.publish(0, 2)
	w.restart()
	w.publish(2, 3)
	w.stop()
	path := w.segments()[0]
	data, err := os.ReadFile(path)
	w.must(err)
	data[len(data)-1] ^= 1
	w.must(os.WriteFile(path, data, 0o600))
	if _, err := openBroker(w.dir, 10); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Error(err)
	}
	data[len(data)-1] ^= 1
	w.must(os.WriteFile(path, data, 0o600))
	w.start()
	if backlog := w.stats(testSub).Backlog; backlog != 3 {
		t.Errorf("repaired, the backlog is %d", backlog)
	}
}

func TestConcurrentPublishersShareASync(t *testing.T) {
	w := newWorld(t)
	w.shop()
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() { w.publish(i, i+1) })
	}
	all.Wait()
	if stats := w.broker.journal.stats(); stats.Syncs == 0 || stats.Syncs >= 200 {
		t.Errorf("%d syncs for 200 requests", stats.Syncs)
	}
	if backlog := w.stats(testSub).Backlog; backlog != 200 {
		t.Errorf("backlog %d", backlog)
	}
}

func TestAnEmptiedSegmentIsRemoved(t *testing.T) {
	w := newWorld(t)
	w.shop()
	w.publish(0, 10)
	w.restart()
	w.ack(w.pull(testSub, 10)...)
	w.broker.tidy()
	if names := w.segments(); len(names) != 1 {
		t.Errorf("%v", names)
	}
	w.restart()
	if backlog := w.stats(testSub).Backlog; backlog != 0 {
		t.Errorf("backlog %d", backlog)
	}
}

func TestWhatIsStillWantedMovesOutOfAnOldSegmentAndSurvives(t *testing.T) {
	w := newWorld(t)
	w.shop()
	w.publish(0, 10)
	held := w.pull(testSub, 10)
	w.ack(held[:7]...)
	w.restart()
	w.publish(10, 12)
	oldest := w.broker.journal.segments[0]
	w.broker.evacuate(oldest)
	if left := oldest.live.Load(); left != 0 {
		t.Fatalf("%d messages still live there", left)
	}
	w.must(w.broker.journal.removeOldest())
	// An acknowledgement after the move lies behind the copy.
	w.ack(w.pull(testSub, 1)...)
	w.restart()
	var data []string
	for _, one := range w.pull(testSub, 100) {
		data = append(data, string(one.Message.Data))
	}
	if got := strings.Join(data, ", "); got != "order 8, order 9, order 10, order 11" {
		t.Error(got)
	}
	if stats := w.broker.journal.stats(); stats.LiveBytes <= 0 {
		t.Errorf("%+v", stats)
	}
}

func TestACrashBetweenMovingAndRemovingDeliversOnce(t *testing.T) {
	w := newWorld(t)
	w.shop()
	w.publish(0, 3)
	w.restart()
	w.broker.evacuate(w.broker.journal.segments[0])
	w.restart()
	if got := w.pull(testSub, 10); len(got) != 3 {
		t.Errorf("%d messages", len(got))
	}
	w.broker.tidy()
	live := int64(0)
	for _, s := range w.broker.journal.segments {
		live += s.live.Load()
	}
	if live != 3 {
		t.Errorf("%d live messages are counted", live)
	}
}

// The helper process of the next test: a server that publishes until it is killed, and says what was acknowledged to it.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PUBLISH_UNTIL_KILLED"); dir != "" {
		publishUntilKilled(dir)
	}
	os.Exit(m.Run())
}

func publishUntilKilled(dir string) {
	b, err := openBroker(dir, 10)
	if err == nil {
		var t *topic
		if t, err = b.topic(testTopic); err == nil {
			for i := 0; ; i++ {
				// Field 1 of a message is its data.
				if _, err = b.publish(t, [][]byte{{10, 1, byte(i)}}, 0); err != nil {
					break
				}
				fmt.Println(i)
			}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func TestAfterAKillEverythingThatWasAcknowledgedIsThere(t *testing.T) {
	w := newWorld(t)
	w.shop()
	w.stop()
	for range 3 {
		before := w.killPublisher(200)
		w.start()
		// What was stored and not yet answered may be there too: one message, as there is one publisher.
		if backlog := w.stats(testSub).Backlog; backlog != before && backlog != before+1 {
			t.Errorf("%d acknowledged, %d found", before, backlog)
		}
		for w.stats(testSub).Backlog > 0 {
			w.ack(w.pull(testSub, 1000)...)
		}
		w.stop()
	}
	w.start()
}

// killPublisher kills a publishing process after that many messages, and returns how many it was told are stored.
func (w *world) killPublisher(after int) int {
	w.t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "PUBLISH_UNTIL_KILLED="+w.dir)
	out, err := command.StdoutPipe()
	w.must(err)
	w.must(command.Start())
	var told bytes.Buffer
	buffer := make([]byte, 4096)
	killed := false
	for {
		n, err := out.Read(buffer)
		told.Write(buffer[:n])
		if !killed && bytes.Count(told.Bytes(), []byte("\n")) >= after {
			w.must(command.Process.Kill())
			killed = true
		}
		if err != nil {
			break
		}
	}
	_ = command.Wait()
	if !killed {
		w.t.Fatalf("the publisher ended by itself after %q", told.String())
	}
	return bytes.Count(told.Bytes(), []byte("\n"))
}

func (w *world) segments() []string {
	paths, err := filepath.Glob(filepath.Join(w.dir, "journal-*"))
	w.must(err)
	return paths
}

// removeAfter removes the segments that later starts began.
func (w *world) removeAfter(path string) {
	for _, other := range w.segments() {
		if other > path {
			w.must(os.Remove(other))
		}
	}
}
