package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/distribution/distribution/v3"
	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/storage"
	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/factory"
	"github.com/distribution/reference"
	"github.com/spf13/cobra"
)

const (
	root         = "/docker/registry/v2"
	repositories = root + "/repositories"
)

// collectCommand makes the command that is run while the registry takes no writes.
func collectCommand() *cobra.Command {
	var keep int
	var untagged bool
	var projects []string
	command := &cobra.Command{
		Use:          "collect <config>",
		Short:        "`collect` removes old tags, and then what nothing refers to any more",
		Args:         cobra.ExactArgs(1),
		SilenceUsage: true,
		RunE: func(command *cobra.Command, args []string) error {
			return collect(command.Context(), args[0], keep, untagged, projects)
		},
	}
	flags := command.Flags()
	flags.IntVar(&keep, "keep-tags", 0, "how many of the newest tags of an image stay; 0: all")
	flags.BoolVar(&untagged, "untagged", false, "whether manifests without a tag go")
	flags.StringSliceVar(&projects, "project", nil, "whose tags are counted; nobody else's go")
	return command
}

func collect(ctx context.Context, path string, keep int, untagged bool, projects []string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	config, err := configuration.Parse(file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if ctx == nil {
		ctx = context.Background()
	}
	store, err := factory.Create(ctx, config.Storage.Type(), config.Storage.Parameters())
	if err != nil {
		return fmt.Errorf("%s: storage: %w", path, err)
	}
	images, err := storage.NewRegistry(ctx, store, storage.EnableDelete)
	if err != nil {
		return err
	}
	// The first upload makes the one, its end the other.
	for _, folder := range []string{repositories, root + "/blobs"} {
		if _, err := store.Stat(ctx, folder); isMissing(err) {
			fmt.Println("there are no images yet")
			return nil
		} else if err != nil {
			return err
		}
	}
	if keep > 0 {
		if err := removeOldTags(ctx, store, images, keep, projects); err != nil {
			return err
		}
	}
	options := storage.GCOpts{RemoveUntagged: untagged}
	return storage.MarkAndSweep(ctx, store, images, options)
}

func removeOldTags(
	ctx context.Context,
	store driver.StorageDriver,
	images distribution.Namespace,
	keep int,
	projects []string,
) error {
	enumerator, ok := images.(distribution.RepositoryEnumerator)
	if !ok {
		return errors.New("the storage cannot list its images")
	}
	return enumerator.Enumerate(ctx, func(name string) error {
		project, _, _ := strings.Cut(name, "/")
		if !slices.Contains(projects, project) {
			return nil
		}
		named, err := reference.WithName(name)
		if err != nil {
			return err
		}
		image, err := images.Repository(ctx, named)
		if err != nil {
			return err
		}
		tags, err := byAge(ctx, store, image, name)
		if err != nil {
			return err
		}
		for _, old := range tags[min(keep, len(tags)):] {
			fmt.Printf("%s: the tag %s goes: %d newer ones stay\n", name, old.name, keep)
			if err := image.Tags(ctx).Untag(ctx, old.name); err != nil {
				return err
			}
		}
		return nil
	})
}

type tag struct {
	name   string
	pushed time.Time
}

// byAge lists an image's tags, the newest first.
func byAge(
	ctx context.Context, store driver.StorageDriver, image distribution.Repository, name string,
) ([]tag, error) {
	names, err := image.Tags(ctx).All(ctx)
	var unknown distribution.ErrRepositoryUnknown
	if errors.As(err, &unknown) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var tags []tag
	for _, one := range names {
		link := fmt.Sprintf("%s/%s/_manifests/tags/%s/current/link", repositories, name, one)
		info, err := store.Stat(ctx, link)
		if isMissing(err) {
			continue // By a push that was cut off.
		} else if err != nil {
			return nil, err
		}
		tags = append(tags, tag{one, info.ModTime()})
	}
	slices.SortFunc(tags, func(a, b tag) int {
		return cmp.Or(b.pushed.Compare(a.pushed), strings.Compare(b.name, a.name))
	})
	return tags, nil
}

func isMissing(err error) bool {
	var missing driver.PathNotFoundError
	return errors.As(err, &missing)
}
