package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// pubsubAPI is Google's two generated services. Our server and Google's pstest both have it.
type pubsubAPI interface {
	pb.PublisherServer
	pb.SubscriberServer
}

// serveAdmin adds Google's REST administration to the mux. The JSON is that of the messages' own mapping.
func serveAdmin(mux *http.ServeMux, api pubsubAPI) {
	const topics, topic = "/v1/projects/{project}/topics", "/v1/projects/{project}/topics/{topic}"
	const subscriptions = "/v1/projects/{project}/subscriptions"
	const subscription = subscriptions + "/{subscription}"

	mux.HandleFunc("PUT "+topic, answer(func(r *http.Request) (proto.Message, error) {
		body := &pb.Topic{}
		if err := read(r, body); err != nil {
			return nil, err
		}
		body.Name = name(r)
		return api.CreateTopic(r.Context(), body)
	}))
	mux.HandleFunc("GET "+topic, answer(func(r *http.Request) (proto.Message, error) {
		return api.GetTopic(r.Context(), &pb.GetTopicRequest{Topic: name(r)})
	}))
	mux.HandleFunc("PATCH "+topic, answer(func(r *http.Request) (proto.Message, error) {
		body := &pb.UpdateTopicRequest{}
		if err := read(r, body); err != nil {
			return nil, err
		}
		if body.Topic == nil {
			return nil, status.Error(codes.InvalidArgument, "topic is missing")
		}
		body.Topic.Name = name(r)
		return api.UpdateTopic(r.Context(), body)
	}))
	mux.HandleFunc("DELETE "+topic, answer(func(r *http.Request) (proto.Message, error) {
		return api.DeleteTopic(r.Context(), &pb.DeleteTopicRequest{Topic: name(r)})
	}))
	mux.HandleFunc("GET "+topics, answer(func(r *http.Request) (proto.Message, error) {
		size, token := page(r)
		return api.ListTopics(r.Context(), &pb.ListTopicsRequest{Project: project(r), PageSize: size, PageToken: token})
	}))
	mux.HandleFunc("GET "+topic+"/subscriptions", answer(func(r *http.Request) (proto.Message, error) {
		size, token := page(r)
		return api.ListTopicSubscriptions(r.Context(), &pb.ListTopicSubscriptionsRequest{
			Topic: strings.TrimSuffix(name(r), "/subscriptions"), PageSize: size, PageToken: token,
		})
	}))

	mux.HandleFunc("PUT "+subscription, answer(func(r *http.Request) (proto.Message, error) {
		body := &pb.Subscription{}
		if err := read(r, body); err != nil {
			return nil, err
		}
		body.Name = name(r)
		return api.CreateSubscription(r.Context(), body)
	}))
	mux.HandleFunc("GET "+subscription, answer(func(r *http.Request) (proto.Message, error) {
		return api.GetSubscription(r.Context(), &pb.GetSubscriptionRequest{Subscription: name(r)})
	}))
	mux.HandleFunc("PATCH "+subscription, answer(func(r *http.Request) (proto.Message, error) {
		body := &pb.UpdateSubscriptionRequest{}
		if err := read(r, body); err != nil {
			return nil, err
		}
		if body.Subscription == nil {
			return nil, status.Error(codes.InvalidArgument, "subscription is missing")
		}
		body.Subscription.Name = name(r)
		return api.UpdateSubscription(r.Context(), body)
	}))
	mux.HandleFunc("DELETE "+subscription, answer(func(r *http.Request) (proto.Message, error) {
		return api.DeleteSubscription(r.Context(), &pb.DeleteSubscriptionRequest{Subscription: name(r)})
	}))
	mux.HandleFunc("GET "+subscriptions, answer(func(r *http.Request) (proto.Message, error) {
		size, token := page(r)
		return api.ListSubscriptions(r.Context(), &pb.ListSubscriptionsRequest{
			Project: project(r), PageSize: size, PageToken: token,
		})
	}))
	mux.HandleFunc("/", answer(func(r *http.Request) (proto.Message, error) {
		return nil, status.Errorf(codes.NotFound, "no %s %s here", r.Method, r.URL.Path)
	}))
}

// name is the resource's, as Google writes it: the path without its version.
func name(r *http.Request) string { return strings.TrimPrefix(r.URL.Path, "/v1/") }

func project(r *http.Request) string { return "projects/" + r.PathValue("project") }

func page(r *http.Request) (int32, string) {
	size, _ := strconv.ParseInt(r.URL.Query().Get("pageSize"), 10, 32)
	return int32(size), r.URL.Query().Get("pageToken")
}

func read(r *http.Request, into proto.Message) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	if len(body) == 0 {
		return nil
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(body, into); err != nil {
		return status.Error(codes.InvalidArgument, "Invalid JSON payload received. "+err.Error())
	}
	return nil
}

// answer writes the message or Google's form of an error.
func answer(handle func(*http.Request) (proto.Message, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		message, err := handle(r)
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		if err != nil {
			writeError(w, err)
			return
		}
		// Google's clients ask for enums as numbers: `?$alt=json;enum-encoding=int`. (The semicolon hides it from Query.)
		numbers := strings.Contains(r.URL.RawQuery, "enum-encoding")
		body, err := protojson.MarshalOptions{UseEnumNumbers: numbers}.Marshal(message)
		if err != nil {
			writeError(w, err)
			return
		}
		_, _ = w.Write(append(body, '\n'))
	}
}

// The HTTP status of each gRPC code that an administrator can meet, and its name in the error's body.
var httpErrors = map[codes.Code]struct {
	status int
	name   string
}{
	codes.InvalidArgument:    {http.StatusBadRequest, "INVALID_ARGUMENT"},
	codes.FailedPrecondition: {http.StatusBadRequest, "FAILED_PRECONDITION"},
	codes.NotFound:           {http.StatusNotFound, "NOT_FOUND"},
	codes.AlreadyExists:      {http.StatusConflict, "ALREADY_EXISTS"},
	codes.Unimplemented:      {http.StatusNotImplemented, "UNIMPLEMENTED"},
	codes.Unavailable:        {http.StatusServiceUnavailable, "UNAVAILABLE"},
}

func writeError(w http.ResponseWriter, err error) {
	known, ok := httpErrors[status.Code(err)]
	if !ok {
		known.status, known.name = http.StatusInternalServerError, "INTERNAL"
	}
	w.WriteHeader(known.status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"code": known.status, "message": status.Convert(err).Message(), "status": known.name,
	}})
}
