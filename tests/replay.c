/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay: runs a fuzz target once over each file of the folders it is given,
 * so that every build, also one without libFuzzer, runs the corpora.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *dir, const char *name)
{
	char path[2048];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (!f)
		return -1;
	fseek(f, 0, SEEK_END);
	long size = ftell(f);

	rewind(f);
	/* An exact allocation, so that a sanitizer sees a read behind the end. */
	uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
	size_t n = data ? fread(data, 1, (size_t)size, f) : 0;

	fclose(f);
	if (data)
		LLVMFuzzerTestOneInput(data, n);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	int files = 0;

	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		const struct dirent *e;

		if (!d) {
			fprintf(stderr, "replay: cannot open folder %s\n", argv[i]);
			return 1;
		}
		while ((e = readdir(d)))
			if (e->d_name[0] != '.' && replay_file(argv[i], e->d_name) == 0)
				files++;
		closedir(d);
	}
	printf("%d files replayed\n", files);
	return files == 0;
}
