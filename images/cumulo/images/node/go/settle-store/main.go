// settle-store takes out of containerd's databases what differs between two equal stores: the times
// at which things were made, and the order in which pages were written.
//
//	settle-store SECONDS-SINCE-1970 FILE...
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: settle-store SECONDS-SINCE-1970 FILE...")
	}
	seconds, err := strconv.ParseInt(os.Args[1], 10, 64)
	if err != nil {
		log.Fatalf("%q is no number of seconds", os.Args[1])
	}
	for _, file := range os.Args[2:] {
		if err := settle(file, time.Unix(seconds, 0).UTC()); err != nil {
			log.Fatalf("%s: %v", file, err)
		}
	}
}

func settle(file string, when time.Time) error {
	before, err := bbolt.Open(file, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return err
	}
	defer before.Close()
	stamp, err := when.MarshalBinary()
	if err != nil {
		return err
	}
	part := file + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	after, err := bbolt.Open(part, 0o644, &bbolt.Options{
		PageSize: 4096, FreelistType: bbolt.FreelistArrayType, NoSync: true, NoGrowSync: true,
	})
	if err != nil {
		return err
	}
	after.AllocSize = 1 << 16
	err = before.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, bucket *bbolt.Bucket) error {
			return copyBucket(after, [][]byte{name}, bucket, stamp)
		})
	})
	if err != nil {
		return err
	}
	if err := after.Sync(); err != nil {
		return err
	}
	if err := after.Close(); err != nil {
		return err
	}
	return os.Rename(part, file)
}

// copyBucket writes one bucket in a transaction of its own, and then those in it: within one
// transaction the library writes buckets in no particular order.
func copyBucket(to *bbolt.DB, path [][]byte, from *bbolt.Bucket, stamp []byte) error {
	err := to.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(path[0])
		for _, name := range path[1:] {
			if err != nil {
				return err
			}
			bucket, err = bucket.CreateBucketIfNotExists(name)
		}
		if err != nil {
			return err
		}
		if err := bucket.SetSequence(from.Sequence()); err != nil {
			return err
		}
		return from.ForEach(func(key, value []byte) error {
			switch {
			case value == nil:
				return nil
			case isTime(key, value):
				value = stamp
			}
			return bucket.Put(key, value)
		})
	})
	if err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	return from.ForEachBucket(func(name []byte) error {
		inner := append(append([][]byte{}, path...), name)
		return copyBucket(to, inner, from.Bucket(name), stamp)
	})
}

func isTime(key, value []byte) bool {
	named := bytes.HasPrefix(key, []byte("created")) || bytes.HasPrefix(key, []byte("updated"))
	return named && new(time.Time).UnmarshalBinary(value) == nil
}
