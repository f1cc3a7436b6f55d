/* A stand-in for the vendor's library with its C interface: "decrypts" by taking the text as it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef struct { char *buf; int len; } Slice_t;
typedef struct { char *out; int out_len; char *data; int len; int finish; } MediaData_t;
typedef struct { char dir[512]; } Sdk_t;
void *NewSdk(void) { return calloc(1, sizeof(Sdk_t)); }
int Init(void *s, const char *corp, const char *secret) {
  if (strcmp(secret, "good")) return 10001;
  strncpy(((Sdk_t *)s)->dir, corp, 511);
  return 0;
}
void *NewSlice(void) { return calloc(1, sizeof(Slice_t)); }
void FreeSlice(void *p) { free(((Slice_t *)p)->buf); free(p); }
char *GetContentFromSlice(void *p) { return ((Slice_t *)p)->buf; }
int GetSliceLen(void *p) { return ((Slice_t *)p)->len; }
static int slurp(const char *path, Slice_t *out) {
  FILE *f = fopen(path, "rb");
  if (!f) return 10003;
  fseek(f, 0, SEEK_END); out->len = (int)ftell(f); rewind(f);
  out->buf = calloc(1, out->len + 1);
  if (fread(out->buf, 1, out->len, f) != (size_t)out->len) { fclose(f); return 10002; }
  fclose(f);
  return 0;
}
int GetChatData(void *s, unsigned long long seq, unsigned int limit, const char *proxy, const char *pass, int timeout, void *out) {
  char path[700];
  (void)limit; (void)proxy; (void)pass; (void)timeout;
  snprintf(path, sizeof path, "%s/chat-%llu.json", ((Sdk_t *)s)->dir, seq);
  return slurp(path, out);
}
int DecryptData(const char *key, const char *msg, void *out) {
  Slice_t *o = out;
  if (strcmp(key, "random-key")) return 10004;
  o->len = (int)strlen(msg); o->buf = strdup(msg);
  return 0;
}
void *NewMediaData(void) { return calloc(1, sizeof(MediaData_t)); }
void FreeMediaData(void *p) { MediaData_t *m = p; free(m->out); free(m->data); free(m); }
char *GetOutIndexBuf(void *p) { return ((MediaData_t *)p)->out; }
char *GetData(void *p) { return ((MediaData_t *)p)->data; }
int GetDataLen(void *p) { return ((MediaData_t *)p)->len; }
int IsMediaDataFinish(void *p) { return ((MediaData_t *)p)->finish; }
int GetMediaData(void *s, const char *index, const char *id, const char *proxy, const char *pass, int timeout, void *out) {
  MediaData_t *m = out;
  (void)s; (void)proxy; (void)pass; (void)timeout;
  /* two pieces: the id, then the id again */
  m->len = (int)strlen(id); m->data = strdup(id); m->out = strdup("next"); m->finish = index && *index ? 1 : 0;
  return 0;
}
