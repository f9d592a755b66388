package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2/pstest"
)

// The same conversation with our server and with Google's; only the words of the errors differ.
func TestTopicsAndSubscriptionsAreAdministeredAlike(t *testing.T) {
	for who, handler := range adminsToTry(t) {
		t.Run(who, func(t *testing.T) {
			server := httptest.NewServer(handler)
			defer server.Close()
			w := &world{t: t, base: server.URL}
			const v1, subscription = "/v1/projects/p", `{"topic": "projects/p/topics/orders", "ackDeadlineSeconds": 10,
				"messageRetentionDuration": "86400s", "expirationPolicy": {"ttl": "172800s"},
				"deadLetterPolicy": {"deadLetterTopic": "projects/p/topics/dead", "maxDeliveryAttempts": 10}}`
			w.expect("GET", v1+"/topics/orders", "", 404, `"status":"NOT_FOUND"`)
			w.expect("PUT", v1+"/topics/orders", "", 200, `"name":"projects/p/topics/orders"`)
			w.expect("PUT", v1+"/topics/orders", "{}", 409, `"status":"ALREADY_EXISTS"`)
			w.expect("PUT", v1+"/subscriptions/writer", subscription, 404, "dead")
			w.expect("PUT", v1+"/topics/dead", "{}", 200, "")
			w.expect("PUT", v1+"/subscriptions/writer", subscription, 200, `"maxDeliveryAttempts":10`)
			w.expect("PUT", v1+"/subscriptions/writer", subscription, 409, `"code":409`)
			w.expect("GET", v1+"/subscriptions/writer?$alt=json;enum-encoding=int", "", 200, `"state":1`)
			w.expect("GET", v1+"/subscriptions/writer", "", 200, `"ttl":"172800s"`)
			w.expect("GET", v1+"/subscriptions/writer", "", 200, `"messageRetentionDuration":"86400s"`)
			w.expect("PUT", v1+"/subscriptions/broken", "{", 400, `INVALID_ARGUMENT`)
			w.expect("PATCH", v1+"/subscriptions/writer",
				`{"subscription": {"ackDeadlineSeconds": 20}, "updateMask": "ackDeadlineSeconds"}`, 200, `"ackDeadlineSeconds":20`)
			w.expect("GET", v1+"/topics", "", 200, `projects/p/topics/dead`)
			w.expect("GET", v1+"/subscriptions", "", 200, `projects/p/subscriptions/writer`)
			w.expect("GET", v1+"/topics/orders/subscriptions", "", 200, `projects/p/subscriptions/writer`)
			w.expect("DELETE", v1+"/subscriptions/writer", "", 200, "{}")
			w.expect("DELETE", v1+"/subscriptions/writer", "", 404, "NOT_FOUND")
			w.expect("DELETE", v1+"/topics/orders", "", 200, "{}")
			w.expect("GET", v1+"/topics/orders", "", 404, "NOT_FOUND")
			w.expect("GET", "/v1/elsewhere", "", 404, "NOT_FOUND")
		})
	}
}

func adminsToTry(t *testing.T) map[string]http.Handler {
	ours := newWorld(t)
	mux := http.NewServeMux()
	// Ten seconds as Google has it; the tests of leases take shorter ones.
	ours.broker.minAckDeadline = 10
	serveAdmin(mux, &service{broker: ours.broker})
	googles := pstest.NewServer()
	t.Cleanup(func() { _ = googles.Close() })
	theirs := http.NewServeMux()
	serveAdmin(theirs, &googles.GServer)
	return map[string]http.Handler{"ours": mux, "pstest": theirs}
}

// expect compares without the blanks that protojson puts here or there, at random and on purpose.
func (w *world) expect(method, path, body string, code int, part string) {
	w.t.Helper()
	gotCode, answer := w.request(method, path, body)
	var value any
	w.must(json.Unmarshal([]byte(answer), &value))
	if gotCode != code || !strings.Contains(strings.ReplaceAll(answer, " ", ""), part) {
		w.t.Errorf("%s %s: %d %s, expected %d and %s", method, path, gotCode, answer, code, part)
	}
}

func TestAnAckDeadlineLiesBetweenTenSecondsAndTenMinutes(t *testing.T) {
	w := newWorld(t)
	w.shop()
	w.broker.minAckDeadline = 10
	for seconds, code := range map[int]int{9: 400, 10: 200, 600: 200, 601: 400} {
		body := fmt.Sprintf(`{"topic": %q, "ackDeadlineSeconds": %d}`, testTopic, seconds)
		if got, answer := w.request("PUT", fmt.Sprintf("/v1/projects/p/subscriptions/sub-%d", seconds), body); got != code {
			t.Errorf("%d seconds: %d %s", seconds, got, answer)
		}
	}
}

func TestAListIsGivenInPages(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"one", "two", "three"} {
		w.request("PUT", "/v1/projects/p/topics/"+name, "")
	}
	w.request("PUT", "/v1/projects/other/topics/four", "")
	seen, token := 0, ""
	for pages := 1; ; pages++ {
		_, answer := w.request("GET", "/v1/projects/p/topics?pageSize=2&pageToken="+token, "")
		var page struct {
			Topics        []struct{ Name string }
			NextPageToken string
		}
		w.must(json.Unmarshal([]byte(answer), &page))
		seen += len(page.Topics)
		if token = page.NextPageToken; token == "" {
			if seen != 3 || pages != 2 {
				t.Errorf("%d topics in %d pages", seen, pages)
			}
			return
		}
	}
}

func TestTopicsAndSubscriptionsSurviveARestart(t *testing.T) {
	w := newWorld(t)
	w.shop()
	before := w.broker.subscriptions[testSub].settings()
	w.restart()
	after := w.broker.subscriptions[testSub].settings()
	if before.String() != after.String() {
		t.Errorf("%v became %v", before, after)
	}
	w.publish(0, 1)
	if got := w.pull(testSub, 1); len(got) != 1 {
		t.Error(got)
	}
}
