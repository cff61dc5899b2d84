// Command client sets the rig's object store up and looks into it, as its administrator.
//
//	client setup             waits for the server, makes bucket, users and policies
//	client ls [PREFIX]       "SIZE KEY" of every object
//	client versions [PREFIX] "SIZE VERSION KEY" of every version, "-" in place of the size where it marks a deletion
//	client get KEY           the newest version, to stdout
//	client put KEY           stdin, as a new version
//	client rm KEY            marks the object as deleted; its versions stay
//	client erase KEY VERSION removes that version
//
// STORE names the file with host, bucket, CA and users. It looks in as `admin`, with STORE_USER=app as that user.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/minio/madmin-go/v3"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

type user struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

// store is what store.sh writes down.
type store struct {
	Host   string `json:"host"` // address:port
	Bucket string `json:"bucket"`
	CA     string `json:"ca"` // PEM
	Root   user   `json:"root"`
	App    user   `json:"app"`
	Admin  user   `json:"admin"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "store:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	content, err := os.ReadFile(os.Getenv("STORE"))
	if err != nil {
		return fmt.Errorf("the file that STORE names: %w", err)
	}
	var s store
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return err
	}
	operation := strings.Join(args[:min(1, len(args))], "")
	argument := strings.Join(args[min(1, len(args)):min(2, len(args))], "")
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	defer stop()
	switch known := map[string][2]int{"setup": {1, 1}, "ls": {1, 2}, "versions": {1, 2}, "get": {2, 2}, "put": {2, 2}, "rm": {2, 2}, "erase": {3, 3}}[operation]; {
	case known == [2]int{} || len(args) < known[0] || len(args) > known[1]:
		return errors.New("usage: client setup | ls [PREFIX] | versions [PREFIX] | get KEY | put KEY | rm KEY | erase KEY VERSION")
	case operation == "setup":
		return s.setup(ctx)
	}
	who, found := map[string]user{"": s.Admin, "admin": s.Admin, "app": s.App}[os.Getenv("STORE_USER")]
	if !found {
		return fmt.Errorf("STORE_USER is %q: want app or admin", os.Getenv("STORE_USER"))
	}
	client, err := s.client(who)
	if err != nil {
		return err
	}
	switch operation {
	case "get":
		object, err := client.GetObject(ctx, s.Bucket, argument, minio.GetObjectOptions{})
		if err != nil {
			return err
		}
		_, err = io.Copy(os.Stdout, object)
		return err
	case "put":
		_, err := client.PutObject(ctx, s.Bucket, argument, os.Stdin, -1, minio.PutObjectOptions{PartSize: 16 << 20})
		return err
	case "rm":
		return client.RemoveObject(ctx, s.Bucket, argument, minio.RemoveObjectOptions{})
	case "erase":
		return client.RemoveObject(ctx, s.Bucket, argument, minio.RemoveObjectOptions{VersionID: args[2]})
	default:
		return list(ctx, client, s.Bucket, argument, operation == "versions")
	}
}

func (s store) transport() (*http.Transport, error) {
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM([]byte(s.CA)) {
		return nil, errors.New("the CA is no PEM certificate")
	}
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}, ResponseHeaderTimeout: 30 * time.Second}, nil
}

func (s store) client(as user) (*minio.Client, error) {
	transport, err := s.transport()
	if err != nil {
		return nil, err
	}
	return minio.New(s.Host, &minio.Options{
		Creds: credentials.NewStaticV4(as.AccessKeyID, as.SecretAccessKey, ""), Secure: true, Transport: transport, Region: "default",
	})
}

// setup may run again: everything is set to what it shall be.
func (s store) setup(ctx context.Context) error {
	transport, err := s.transport()
	if err != nil {
		return err
	}
	if err := s.await(ctx, transport); err != nil {
		return err
	}
	root, err := s.client(s.Root)
	if err != nil {
		return err
	}
	if found, err := root.BucketExists(ctx, s.Bucket); err != nil {
		return err
	} else if !found {
		if err := root.MakeBucket(ctx, s.Bucket, minio.MakeBucketOptions{Region: "default"}); err != nil {
			return err
		}
	}
	if err := root.EnableVersioning(ctx, s.Bucket); err != nil {
		return err
	}
	admin, err := madmin.NewWithOptions(s.Host, &madmin.Options{
		Creds: credentials.NewStaticV4(s.Root.AccessKeyID, s.Root.SecretAccessKey, ""), Secure: true, Transport: transport,
	})
	if err != nil {
		return err
	}
	// Without a way to delete or to end versioning: what the application's user wrote, it cannot take away.
	writer := policy(s.Bucket, "s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
		"s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads")
	for _, one := range []struct {
		name     string
		user     user
		document []byte
	}{{"writer", s.App, writer}, {"keeper", s.Admin, policy(s.Bucket, "s3:*")}} {
		if err := admin.AddCannedPolicy(ctx, one.name, one.document); err != nil {
			return err
		}
		if err := admin.AddUser(ctx, one.user.AccessKeyID, one.user.SecretAccessKey); err != nil {
			return err
		}
		_, err := admin.AttachPolicy(ctx, madmin.PolicyAssociationReq{Policies: []string{one.name}, User: one.user.AccessKeyID})
		if err != nil && madmin.ToErrorResponse(err).Code != "XMinioAdminPolicyChangeAlreadyApplied" {
			return err
		}
	}
	return nil
}

// await waits until the server takes writes.
func (s store) await(ctx context.Context, transport *http.Transport) error {
	probe := &http.Client{Transport: transport, Timeout: 2 * time.Second}
	for {
		answer, err := probe.Get("https://" + s.Host + "/minio/health/cluster")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(answer.Status)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func policy(bucket string, actions ...string) []byte {
	document, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Action": actions, "Resource": []string{"arn:aws:s3:::" + bucket, "arn:aws:s3:::" + bucket + "/*"},
	}}})
	if err != nil {
		panic(err) // of strings alone
	}
	return document
}

func list(ctx context.Context, client *minio.Client, bucket, prefix string, versions bool) error {
	for object := range client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true, WithVersions: versions}) {
		switch size := fmt.Sprint(object.Size); {
		case object.Err != nil:
			return object.Err
		case !versions:
			fmt.Println(size, object.Key)
		case object.IsDeleteMarker:
			fmt.Println("-", object.VersionID, object.Key)
		default:
			fmt.Println(size, object.VersionID, object.Key)
		}
	}
	return nil
}
