package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// What a deleted topic is called in the subscriptions it leaves behind.
const deletedTopic = "_deleted-topic_"

var resourceName = regexp.MustCompile(`^projects/[^/]+/(topics|subscriptions)/[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}$`)

func checkName(name string) error {
	if !resourceName.MatchString(name) {
		return status.Errorf(codes.InvalidArgument, "Invalid resource name given (name=%s).", name)
	}
	return nil
}

func (s *service) CreateTopic(_ context.Context, config *pb.Topic) (*pb.Topic, error) {
	if err := checkName(config.Name); err != nil {
		return nil, err
	}
	b := s.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.topics[config.Name] != nil {
		return nil, exists(config.Name)
	}
	config.State = pb.Topic_ACTIVE
	b.topics[config.Name] = newTopic(config)
	return config, b.saveAdmin()
}

func exists(name string) error {
	return status.Errorf(codes.AlreadyExists, "Resource already exists in the project (resource=%s).", name[strings.LastIndexByte(name, '/')+1:])
}

func (s *service) GetTopic(_ context.Context, request *pb.GetTopicRequest) (*pb.Topic, error) {
	t, err := s.broker.topic(request.Topic)
	if err != nil {
		return nil, err
	}
	return t.config, nil
}

func (s *service) DeleteTopic(_ context.Context, request *pb.DeleteTopicRequest) (*emptypb.Empty, error) {
	b := s.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[request.Topic]
	if t == nil {
		return nil, notFound(request.Topic)
	}
	delete(b.topics, request.Topic)
	for _, subscription := range *t.subscriptions.Load() {
		subscription.mu.Lock()
		subscription.config.Topic = deletedTopic
		subscription.mu.Unlock()
	}
	return &emptypb.Empty{}, b.saveAdmin()
}

func (s *service) ListTopics(_ context.Context, request *pb.ListTopicsRequest) (*pb.ListTopicsResponse, error) {
	s.broker.mu.RLock()
	defer s.broker.mu.RUnlock()
	names, next, err := pageOf(keysOf(s.broker.topics, request.Project), request.PageSize, request.PageToken)
	response := &pb.ListTopicsResponse{NextPageToken: next}
	for _, name := range names {
		response.Topics = append(response.Topics, s.broker.topics[name].config)
	}
	return response, err
}

func (s *service) ListTopicSubscriptions(_ context.Context, request *pb.ListTopicSubscriptionsRequest) (*pb.ListTopicSubscriptionsResponse, error) {
	t, err := s.broker.topic(request.Topic)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, subscription := range *t.subscriptions.Load() {
		names = append(names, subscription.settings().Name)
	}
	sort.Strings(names)
	names, next, err := pageOf(names, request.PageSize, request.PageToken)
	return &pb.ListTopicSubscriptionsResponse{Subscriptions: names, NextPageToken: next}, err
}

func (s *service) CreateSubscription(_ context.Context, config *pb.Subscription) (*pb.Subscription, error) {
	if err := checkName(config.Name); err != nil {
		return nil, err
	}
	b := s.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subscriptions[config.Name] != nil {
		return nil, exists(config.Name)
	}
	t := b.topics[config.Topic]
	if t == nil {
		return nil, notFound(config.Topic)
	}
	if err := b.complete(config); err != nil {
		return nil, err
	}
	b.lastNumber++
	created := newSubscription(b.lastNumber, config, b.faults)
	b.subscriptions[config.Name] = created
	// On the disk before the first message can name its number.
	if err := b.saveAdmin(); err != nil {
		return nil, err
	}
	t.attach(created)
	return created.settings(), nil
}

func (t *topic) attach(s *subscription) {
	all := append(slices.Clone(*t.subscriptions.Load()), s)
	t.subscriptions.Store(&all)
}

func (t *topic) detach(s *subscription) {
	rest := slices.DeleteFunc(slices.Clone(*t.subscriptions.Load()), func(one *subscription) bool { return one == s })
	t.subscriptions.Store(&rest)
}

// complete fills in Google's defaults and refuses what this server does not do, rather than doing something else.
func (b *broker) complete(config *pb.Subscription) error {
	switch {
	case config.GetPushConfig().GetPushEndpoint() != "", config.BigqueryConfig != nil, config.CloudStorageConfig != nil:
		return status.Error(codes.Unimplemented, "this test server knows only pull subscriptions")
	case config.Filter != "", config.EnableMessageOrdering, config.EnableExactlyOnceDelivery:
		return status.Error(codes.Unimplemented, "this test server has no filters, no ordering, no exactly-once delivery")
	}
	if config.AckDeadlineSeconds == 0 {
		config.AckDeadlineSeconds = max(10, b.minAckDeadline)
	}
	if err := b.checkAckDeadline(config.AckDeadlineSeconds); err != nil {
		return err
	}
	if policy := config.DeadLetterPolicy; policy != nil {
		if policy.MaxDeliveryAttempts == 0 {
			policy.MaxDeliveryAttempts = 5
		}
		if policy.MaxDeliveryAttempts < 5 || policy.MaxDeliveryAttempts > 100 {
			return status.Error(codes.InvalidArgument, "max_delivery_attempts must be between 5 and 100")
		}
		if b.topics[policy.DeadLetterTopic] == nil {
			return notFound(policy.DeadLetterTopic)
		}
	}
	if config.MessageRetentionDuration == nil {
		config.MessageRetentionDuration = durationpb.New(7 * 24 * time.Hour)
	}
	if config.ExpirationPolicy == nil {
		config.ExpirationPolicy = &pb.ExpirationPolicy{Ttl: durationpb.New(31 * 24 * time.Hour)}
	}
	if config.PushConfig == nil {
		config.PushConfig = &pb.PushConfig{}
	}
	config.State = pb.Subscription_ACTIVE
	return nil
}

func (b *broker) checkAckDeadline(seconds int32) error {
	if seconds < b.minAckDeadline || seconds > 600 {
		return status.Errorf(codes.InvalidArgument, "Invalid ack deadline given (ack_deadline_secs=%d).", seconds)
	}
	return nil
}

func (s *service) GetSubscription(_ context.Context, request *pb.GetSubscriptionRequest) (*pb.Subscription, error) {
	found, err := s.broker.subscription(request.Subscription)
	if err != nil {
		return nil, err
	}
	return found.settings(), nil
}

func (s *service) UpdateSubscription(_ context.Context, request *pb.UpdateSubscriptionRequest) (*pb.Subscription, error) {
	b := s.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	found := b.subscriptions[request.Subscription.GetName()]
	if found == nil {
		return nil, notFound(request.Subscription.GetName())
	}
	next, from := found.settings(), request.Subscription
	for _, path := range request.UpdateMask.GetPaths() {
		switch path {
		case "ack_deadline_seconds":
			next.AckDeadlineSeconds = from.AckDeadlineSeconds
		case "dead_letter_policy":
			next.DeadLetterPolicy = from.DeadLetterPolicy
		case "retry_policy":
			next.RetryPolicy = from.RetryPolicy
		case "labels":
			next.Labels = from.Labels
		case "message_retention_duration":
			next.MessageRetentionDuration = from.MessageRetentionDuration
		case "expiration_policy":
			next.ExpirationPolicy = from.ExpirationPolicy
		default:
			return nil, status.Errorf(codes.InvalidArgument, "this test server does not update %q", path)
		}
	}
	if len(request.UpdateMask.GetPaths()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "the update_mask is empty")
	}
	if err := b.complete(next); err != nil {
		return nil, err
	}
	found.mu.Lock()
	found.config = next
	found.mu.Unlock()
	return found.settings(), b.saveAdmin()
}

func (s *service) ListSubscriptions(_ context.Context, request *pb.ListSubscriptionsRequest) (*pb.ListSubscriptionsResponse, error) {
	s.broker.mu.RLock()
	defer s.broker.mu.RUnlock()
	names, next, err := pageOf(keysOf(s.broker.subscriptions, request.Project), request.PageSize, request.PageToken)
	response := &pb.ListSubscriptionsResponse{NextPageToken: next}
	for _, name := range names {
		response.Subscriptions = append(response.Subscriptions, s.broker.subscriptions[name].settings())
	}
	return response, err
}

func (s *service) DeleteSubscription(_ context.Context, request *pb.DeleteSubscriptionRequest) (*emptypb.Empty, error) {
	b := s.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	found := b.subscriptions[request.Subscription]
	if found == nil {
		return nil, notFound(request.Subscription)
	}
	delete(b.subscriptions, request.Subscription)
	if t := b.topics[found.settings().Topic]; t != nil {
		t.detach(found)
	}
	found.delete()
	return &emptypb.Empty{}, b.saveAdmin()
}

// keysOf are the names within a project, sorted.
func keysOf[V any](all map[string]V, project string) []string {
	var names []string
	for name := range all {
		if strings.HasPrefix(name, project+"/") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// pageOf cuts a page; its token is the number of names before it.
func pageOf(names []string, size int32, token string) (page []string, next string, err error) {
	start := 0
	if token != "" {
		if start, err = strconv.Atoi(token); err != nil || start < 0 || start > len(names) {
			return nil, "", status.Error(codes.InvalidArgument, "Invalid page token.")
		}
	}
	if size <= 0 || size > 1000 {
		size = 1000
	}
	end := min(len(names), start+int(size))
	if end < len(names) {
		next = strconv.Itoa(end)
	}
	return names[start:end], next, nil
}

// adminFile is topics and subscriptions on disk, written anew at every change: changes are rare.
type adminFile struct {
	LastNumber    uint64              `json:"lastNumber"`
	Topics        []json.RawMessage   `json:"topics"`
	Subscriptions []savedSubscription `json:"subscriptions"`
}

type savedSubscription struct {
	Number uint64          `json:"number"`
	Config json.RawMessage `json:"config"`
}

func (b *broker) adminPath() string { return filepath.Join(b.dir, "admin.json") }

// saveAdmin is called with the broker's lock held.
func (b *broker) saveAdmin() error {
	file := adminFile{LastNumber: b.lastNumber}
	for _, t := range b.topics {
		config, err := protojson.Marshal(t.config)
		if err != nil {
			return err
		}
		file.Topics = append(file.Topics, config)
	}
	for _, s := range b.subscriptions {
		config, err := protojson.Marshal(s.settings())
		if err != nil {
			return err
		}
		file.Subscriptions = append(file.Subscriptions, savedSubscription{Number: s.number, Config: config})
	}
	data, err := json.Marshal(file)
	if err != nil {
		return err
	}
	return replaceFile(b.adminPath(), data)
}

// replaceFile leaves either the old or the new content, whatever happens.
func replaceFile(path string, data []byte) error {
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return err
}

func (b *broker) loadAdmin() error {
	data, err := os.ReadFile(b.adminPath())
	if os.IsNotExist(err) {
		return nil
	}
	var file adminFile
	if err == nil {
		err = json.Unmarshal(data, &file)
	}
	if err != nil {
		return err
	}
	b.lastNumber = file.LastNumber
	for _, saved := range file.Topics {
		config := &pb.Topic{}
		if err := unmarshal(saved, config); err != nil {
			return err
		}
		b.topics[config.Name] = newTopic(config)
	}
	for _, saved := range file.Subscriptions {
		config := &pb.Subscription{}
		if err := unmarshal(saved.Config, config); err != nil {
			return err
		}
		s := newSubscription(saved.Number, config, b.faults)
		b.subscriptions[config.Name] = s
		if t := b.topics[config.Topic]; t != nil {
			t.attach(s)
		}
	}
	return nil
}

func unmarshal(data []byte, into proto.Message) error {
	return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, into)
}
