/* Draws a picture from a coopnets bundle with ONNX Runtime's C API, and nothing of coopnets.

       cc -O2 draw.c -o draw -lonnxruntime -lcjson -lm
       ./draw ../../exported/brick 0 256 256 > brick.ppm

   Reads card.json, draws z ~ N(0, I) (Philox4x32-10, Box and Muller), runs the generator, then
   the card's Langevin steps with the energy's gradient, and writes a binary PGM or PPM. */

#include <cjson/cJSON.h>
#include <math.h>
#include <onnxruntime_c_api.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double TAU = 6.283185307179586;
enum purpose { LATENT, NOISE };

static const OrtApi *ort;

static void *stop(const char *what, const char *why) {
  fprintf(stderr, "Error: %s: %s\n", what, why);
  exit(1);
}

static void checked(OrtStatus *status) {
  if (status != NULL) stop("onnxruntime", ort->GetErrorMessage(status));
}

/* ---- random numbers by place: see coop_runtime/philox.py ---- */

static void philox(uint32_t c[4], uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
    uint32_t c0 = (uint32_t)(p1 >> 32) ^ c[1] ^ k0, c2 = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
    c[0] = c0, c[1] = (uint32_t)p1, c[2] = c2, c[3] = (uint32_t)p0;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
}

static float unit(uint32_t word) { return ((float)(word >> 9) + 0.5f) * 0x1p-23f; }

static void normal(float *out, uint64_t seed, uint32_t example, enum purpose purpose,
                   uint32_t step, int64_t channels, int64_t height, int64_t width) {
  uint32_t key[4] = {example, (uint32_t)purpose, step, 0};
  philox(key, (uint32_t)seed, (uint32_t)(seed >> 32));
  for (int64_t c = 0; c < channels; c++)
    for (int64_t i = 0; i < height; i++, out += width)
      for (int64_t j = 0; j < width; j += 4) {
        uint32_t w[4] = {(uint32_t)(j / 4), (uint32_t)i, 0, (uint32_t)c};
        philox(w, key[0], key[1]);
        for (int k = 0; k < 4 && j + k < width; k++) {
          double radius = sqrt(-2.0 * log(unit(w[k & 2]))), angle = TAU * unit(w[(k & 2) + 1]);
          out[j + k] = (float)(radius * (k & 1 ? sin(angle) : cos(angle)));
        }
      }
}

/* ---- the card ---- */

static cJSON *card(const char *folder) {
  char path[4096];
  snprintf(path, sizeof path, "%s/card.json", folder);
  FILE *file = fopen(path, "rb");
  if (file == NULL) stop(path, "cannot be read");
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  char *text = calloc((size_t)size + 1, 1);
  if (fread(text, 1, (size_t)size, file) != (size_t)size) stop(path, "cannot be read");
  fclose(file);
  cJSON *json = cJSON_Parse(text);
  free(text);
  return json ? json : stop(path, "not JSON");
}

static cJSON *item(const cJSON *object, const char *name) {
  cJSON *found = cJSON_GetObjectItemCaseSensitive(object, name);
  return found ? found : stop("card.json lacks", name);
}

static double number(const cJSON *object, const char *name) { return item(object, name)->valuedouble; }
static double entry(const cJSON *array, int k) { return cJSON_GetArrayItem(array, k)->valuedouble; }

/* ---- graphs ---- */

static OrtSession *open_graph(OrtEnv *env, const char *folder, const cJSON *card, const char *name) {
  char path[4096];
  const cJSON *graph = item(item(card, "graphs"), name);
  snprintf(path, sizeof path, "%s/%s", folder, item(graph, "file")->valuestring);
  OrtSessionOptions *options;
  OrtSession *session;
  checked(ort->CreateSessionOptions(&options));
  checked(ort->CreateSession(env, path, options, &session));
  ort->ReleaseSessionOptions(options);
  return session;
}

/* Runs a graph of one input; copies each output to its buffer. */
static void run(OrtSession *session, const char *input, float *data, const int64_t dims[4],
                size_t count, const char *const *names, float *const *to, const size_t *sizes) {
  OrtMemoryInfo *memory;
  OrtValue *value, *outputs[2] = {NULL, NULL};
  size_t total = (size_t)(dims[0] * dims[1] * dims[2] * dims[3]);
  checked(ort->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
  checked(ort->CreateTensorWithDataAsOrtValue(memory, data, total * sizeof(float), dims, 4,
                                              ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
  checked(ort->Run(session, NULL, &input, (const OrtValue *const *)&value, 1, names, count, outputs));
  for (size_t k = 0; k < count; k++) {
    float *found;
    checked(ort->GetTensorMutableData(outputs[k], (void **)&found));
    memcpy(to[k], found, sizes[k] * sizeof(float));
    ort->ReleaseValue(outputs[k]);
  }
  ort->ReleaseValue(value);
  ort->ReleaseMemoryInfo(memory);
}

static float clipped(double value, double low, double high) {
  return (float)fmin(high, fmax(low, value));
}

/* Channel c of one pixel: of principal colours, m + sum of b_k x_k of the card's row b_1 ... b_C, m. */
static double channel(const cJSON *colours, const float *x, int64_t c, int64_t area) {
  const cJSON *row = cJSON_GetArrayItem(colours, (int)c);
  if (row == NULL) return x[c * area];
  int n = cJSON_GetArraySize(row) - 1;
  double sum = entry(row, n);
  for (int k = 0; k < n; k++) sum += entry(row, k) * x[k * area];
  return sum;
}

int main(int count, char **words) {
  if (count != 5) stop("usage", "draw BUNDLE SEED HEIGHT WIDTH > picture.ppm");
  const char *folder = words[1];
  uint64_t seed = strtoull(words[2], NULL, 10);
  int64_t height = atoll(words[3]), width = atoll(words[4]);

  cJSON *json = card(folder);
  const cJSON *signal = item(json, "signal"), *latent = item(json, "latent");
  const cJSON *langevin = item(json, "langevin"), *strides = item(latent, "strides");
  if (number(signal, "dims") != 2) stop(folder, "draws no pictures");
  int64_t dy = (int64_t)entry(strides, 0), dx = (int64_t)entry(strides, 1);
  if (height < dy || width < dx || height % dy || width % dx)
    stop("size", "expected multiples of the latent's strides");

  ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);
  if (ort == NULL) stop("onnxruntime", "older than its header");
  OrtEnv *env;
  checked(ort->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "draw", &env));
  OrtSession *generator = open_graph(env, folder, json, "generator");
  OrtSession *energy = open_graph(env, folder, json, "energy");

  /* x = g(z), z ~ N(0, I) */
  int64_t z_dims[4] = {1, (int64_t)number(latent, "channels"), height / dy, width / dx};
  int64_t x_dims[4] = {1, (int64_t)number(signal, "channels"), height, width};
  size_t n = (size_t)(x_dims[1] * height * width);
  float *z = malloc((size_t)(z_dims[1] * z_dims[2] * z_dims[3]) * sizeof(float));
  float *x = malloc(n * sizeof(float)), *gradient = malloc(n * sizeof(float));
  float *noise = malloc(n * sizeof(float)), value;
  if (!z || !x || !gradient || !noise) stop("size", "no memory");
  normal(z, seed, 0, LATENT, 0, z_dims[1], z_dims[2], z_dims[3]);
  run(generator, "z", z, z_dims, 1, (const char *[]){"x"}, (float *[]){x}, (size_t[]){n});
  double low = entry(item(signal, "value_range"), 0), high = entry(item(signal, "value_range"), 1);
  for (size_t k = 0; k < n; k++) x[k] = clipped(x[k], low, high);

  /* x <- clamp(x - clip(delta^2/2 grad E(x)) + delta n), CoopNets equation (4) */
  int steps = (int)number(langevin, "steps"), noisy = cJSON_IsTrue(item(langevin, "noise"));
  int clamp = cJSON_IsTrue(item(langevin, "clamp"));
  const cJSON *drift_limit = item(langevin, "max_drift");
  double delta = number(langevin, "step_size");
  double most = cJSON_IsNumber(drift_limit) ? drift_limit->valuedouble : INFINITY;
  for (int step = 1; step <= steps; step++) {
    run(energy, "x", x, x_dims, 2, (const char *[]){"energy", "gradient"},
        (float *[]){&value, gradient}, (size_t[]){1, n});
    if (noisy) normal(noise, seed, 0, NOISE, (uint32_t)step, x_dims[1], height, width);
    for (size_t k = 0; k < n; k++) {
      double next = x[k] - clipped(0.5 * delta * delta * gradient[k], -most, most);
      if (noisy) next += delta * noise[k];
      x[k] = clamp ? clipped(next, low, high) : (float)next;
    }
  }

  double bottom = entry(item(signal, "source_range"), 0), top = entry(item(signal, "source_range"), 1);
  const cJSON *mixed = cJSON_GetObjectItem(signal, "colours");
  int64_t colours = x_dims[1] == 3 ? 3 : 1;
  printf("P%d\n%lld %lld\n255\n", colours == 3 ? 6 : 5, (long long)width, (long long)height);
  for (int64_t at = 0; at < height * width; at++)
    for (int64_t c = 0; c < colours; c++) {
      double y = channel(mixed, x + at, c, height * width);
      double level = (y - low) * (top - bottom) / (high - low) + bottom;
      putchar((int)nearbyint(fmin(255, fmax(0, level))));
    }

  free(z), free(x), free(gradient), free(noise);
  ort->ReleaseSession(generator), ort->ReleaseSession(energy), ort->ReleaseEnv(env);
  cJSON_Delete(json);
  return 0;
}
