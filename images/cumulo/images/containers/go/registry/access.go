package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry"
	"github.com/distribution/distribution/v3/registry/auth"
	"github.com/sirupsen/logrus"
)

const (
	method    = "projects"
	tokenPath = "/token"
	tokenAge  = 30 * time.Minute
	nobody    = "" // Whoever gives no password.
	all       = "*"
)

// rules say who may do what; the first part of an image's name is what they go by.
type rules struct {
	Users map[string]*user `json:"users"`
}

// user is somebody with a password, or nobody.
type user struct {
	// SHA256 is of the password, in hexadecimal. Passwords are random and long, never chosen, so
	// nothing slower is needed.
	SHA256 string   `json:"sha256"`
	Pull   []string `json:"pull"`
	Push   []string `json:"push"`
	// List is whether the user may see the names of all images.
	List bool `json:"list"`
}

func init() {
	err := auth.Register(method, func(options map[string]any) (auth.AccessController, error) {
		return newController(options)
	})
	if err != nil {
		logrus.Fatal(err)
	}
	registry.RegisterHandler(withTokens)
}

// controller lets in by password (Basic) or by a token that it has given for one (Bearer). Clients
// ask for tokens by themselves, also for one that lets in nobody in particular.
type controller struct {
	rules   rules
	service string
	// Who starts anew asks everybody to log in anew, which clients do by themselves.
	key [32]byte
}

var current *controller

func newController(options map[string]any) (*controller, error) {
	path, _ := options["path"].(string)
	if path == "" {
		return nil, fmt.Errorf("auth.%s.path: required: the file with the rules", method)
	}
	service, _ := options["service"].(string)
	if service == "" {
		return nil, fmt.Errorf("auth.%s.service: required: what this registry is called", method)
	}
	found, err := readRules(path)
	if err != nil {
		return nil, err
	}
	c := &controller{rules: found, service: service}
	if _, err := rand.Read(c.key[:]); err != nil {
		return nil, err
	}
	current = c
	return c, nil
}

func readRules(path string) (rules, error) {
	var found rules
	file, err := os.Open(path)
	if err != nil {
		return found, err
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&found); err != nil {
		return found, fmt.Errorf("%s: %w", path, err)
	}
	for name, one := range found.Users {
		digest, err := hex.DecodeString(one.SHA256)
		if name != nobody && (err != nil || len(digest) != sha256.Size) {
			return found, fmt.Errorf("%s: users.%s.sha256: no SHA-256 in hexadecimal", path, name)
		}
	}
	return found, nil
}

// Authorized says whose request it is, if that may do all that it asks for.
func (c *controller) Authorized(r *http.Request, access ...auth.Access) (*auth.Grant, error) {
	if r.Header.Get("Authorization") == "" && len(access) == 0 {
		// By this question clients find out how to log in.
		return nil, c.challenge(access, "")
	}
	name, err := c.who(r)
	if err != nil {
		return nil, c.challenge(access, "invalid_token")
	}
	for _, one := range access {
		if !c.may(name, one) {
			problem := ""
			if name != nobody {
				problem = "insufficient_scope"
			}
			return nil, c.challenge(access, problem)
		}
	}
	return &auth.Grant{User: auth.UserInfo{Name: name}}, nil
}

func (c *controller) may(name string, access auth.Access) bool {
	known, ok := c.rules.Users[name]
	if !ok {
		return false
	}
	if access.Type == "registry" {
		return known.List
	}
	project, _, _ := strings.Cut(access.Name, "/")
	switch access.Action {
	case "pull":
		return covers(known.Pull, project)
	case "push", "delete":
		return covers(known.Push, project)
	}
	return false
}

func covers(projects []string, project string) bool {
	return slices.Contains(projects, all) || slices.Contains(projects, project)
}

// who says whose request it is.
func (c *controller) who(r *http.Request) (string, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return nobody, nil
	}
	if name, password, ok := r.BasicAuth(); ok {
		// Some clients say nothing in so many words.
		if name == "" && password == "" {
			return nobody, nil
		}
		return name, c.check(name, password)
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "bearer") {
		return nobody, errors.New("neither Basic nor Bearer")
	}
	return c.open(token)
}

func (c *controller) check(name, password string) error {
	known, ok := c.rules.Users[name]
	if name == nobody || !ok {
		return auth.ErrAuthenticationFailure
	}
	digest := sha256.Sum256([]byte(password))
	wanted, _ := hex.DecodeString(known.SHA256)
	if !hmac.Equal(digest[:], wanted) {
		return auth.ErrAuthenticationFailure
	}
	return nil
}

// claim is what a token says. What its bearer may do is looked up at each request.
type claim struct {
	Name string `json:"name"`
	Ends int64  `json:"ends"`
}

func (c *controller) seal(name string, now time.Time) string {
	text, _ := json.Marshal(claim{name, now.Add(tokenAge).Unix()})
	body := base64.RawURLEncoding.EncodeToString(text)
	return body + "." + base64.RawURLEncoding.EncodeToString(c.sign(body))
}

func (c *controller) open(token string) (string, error) {
	body, signature, _ := strings.Cut(token, ".")
	given, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || !hmac.Equal(given, c.sign(body)) {
		return nobody, auth.ErrInvalidCredential
	}
	text, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return nobody, err
	}
	var said claim
	if err := json.Unmarshal(text, &said); err != nil {
		return nobody, err
	}
	if time.Now().Unix() >= said.Ends {
		return nobody, auth.ErrInvalidCredential
	}
	return said.Name, nil
}

func (c *controller) sign(body string) []byte {
	mac := hmac.New(sha256.New, c.key[:])
	mac.Write([]byte(body))
	return mac.Sum(nil)
}

// challenge is the answer to who may not: how to log in for it.
type challenge struct {
	service string
	scope   string
	problem string
}

func (c *controller) challenge(access []auth.Access, problem string) challenge {
	// One scope for each image, with all its actions.
	actions := map[string][]string{}
	var names []string
	for _, one := range access {
		key := one.Type + ":" + one.Name
		if actions[key] == nil {
			names = append(names, key)
		}
		actions[key] = append(actions[key], one.Action)
	}
	var scopes []string
	for _, key := range names {
		scopes = append(scopes, key+":"+strings.Join(actions[key], ","))
	}
	return challenge{c.service, strings.Join(scopes, " "), problem}
}

// SetHeaders names the place where tokens are given, under the name that the client has used.
func (ch challenge) SetHeaders(r *http.Request, w http.ResponseWriter) {
	scheme := "https"
	if r.TLS == nil {
		scheme = "http"
	}
	value := fmt.Sprintf("Bearer realm=%q,service=%q", scheme+"://"+r.Host+tokenPath, ch.service)
	if ch.scope != "" {
		value += fmt.Sprintf(",scope=%q", ch.scope)
	}
	if ch.problem != "" {
		value += fmt.Sprintf(",error=%q", ch.problem)
	}
	w.Header().Set("WWW-Authenticate", value)
}

func (ch challenge) Error() string {
	return fmt.Sprintf("not allowed: %s %s", ch.scope, ch.problem)
}

// withTokens gives tokens beside what the registry serves.
func withTokens(config *configuration.Configuration, next http.Handler) http.Handler {
	if config.Auth.Type() != method {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != tokenPath {
			next.ServeHTTP(w, r)
			return
		}
		current.give(w, r)
	})
}

func (c *controller) give(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		// Clients that try the other way first then come back by this one.
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "tokens are given to GET", http.StatusMethodNotAllowed)
		return
	}
	name, err := c.who(r)
	if err != nil {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Basic realm=%q", c.service))
		http.Error(w, "wrong name or password", http.StatusUnauthorized)
		return
	}
	now := time.Now()
	token := c.seal(name, now)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"token":        token,
		"access_token": token,
		"expires_in":   int(tokenAge.Seconds()),
		"issued_at":    now.UTC().Format(time.RFC3339),
	})
}
