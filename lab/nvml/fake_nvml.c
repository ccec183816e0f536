/* A simulated libnvidia-ml.so.1: its answers are lines "KEY = VALUE" of the text file named by FAKE_NVML.
 *
 * Keys and values are those of a recording's "nvml" section (plugins/module_utils/nvml_replay.py describes them),
 * so the same text answers the real pynvml here and the Python replay there. It is read once, by nvmlInit.
 *
 * The structures repeat NVIDIA's binary interface; fake_nvml_sizes() names their sizes, and a test compares them
 * with those of the Python binding.
 *
 * Build: cc -O1 -shared -fPIC -Wl,-soname,libnvidia-ml.so.1 -o libnvidia-ml.so.1 fake_nvml.c
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef unsigned int u32;
typedef unsigned long long u64;

enum { OK = 0, UNINITIALIZED = 1, INVALID = 2, UNSUPPORTED = 3, SMALL = 7, LATE = 10, MISSING = 6, VERSION = 25, UNKNOWN = 999 };
enum { MAX_LINES = 32768, MAX_GPUS = 64, KEY = 192 };

/* ---- the text ---------------------------------------------------------------------------------------------- */

static struct line { char *key, *value; int order; } lines[MAX_LINES];
static int line_count, started;
typedef struct gpu { int socket, instance; } *GPU; /* instance: 0 is the whole GPU, n its MIG instance n - 1 */
enum { MAX_INSTANCES = 32 };
static struct gpu gpus[MAX_GPUS], instances[MAX_GPUS][MAX_INSTANCES];
static int present[MAX_GPUS], present_count;

static int by_key(const void *a, const void *b) {
    const struct line *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order ? order : y->order - x->order; /* the last line with a key comes first: it wins */
}

static const char *find(const char *key) {
    int low = 0, high = line_count; /* first line whose key is not less */
    while (low < high) {
        int middle = (low + high) / 2;
        if (strcmp(lines[middle].key, key) < 0) low = middle + 1;
        else high = middle;
    }
    return low < line_count && !strcmp(lines[low].key, key) ? lines[low].value : NULL;
}

static char *trimmed(char *text) {
    char *end = text + strlen(text);
    while (*text == ' ') text++;
    while (end > text && strchr(" \t\r\n", end[-1])) *--end = 0;
    return strdup(text);
}

static void load(void) {
    const char *path = getenv("FAKE_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    static char text[65536];
    if (!file) return;
    while (fgets(text, sizeof text, file) && line_count < MAX_LINES) {
        char *equals = strchr(text, '=');
        if (text[0] == '#' || !equals) continue;
        *equals = 0;
        lines[line_count] = (struct line){trimmed(text), trimmed(equals + 1), line_count};
        line_count++;
    }
    fclose(file);
    qsort(lines, line_count, sizeof lines[0], by_key);
    const char *count = find("nvmlDeviceGetCount");
    int sockets = count ? atoi(count) : 0;
    for (int socket = 0; socket < sockets && socket < MAX_GPUS; socket++) {
        char key[KEY];
        snprintf(key, sizeof key, "gpu.%d.absent", socket);
        const char *absent = find(key);
        gpus[socket].socket = socket;
        if (!absent || strcmp(absent, "1")) present[present_count++] = socket;
    }
}

/* Look "call(arguments)" up, then "call(*)", behind a prefix. */
static const char *under(const char *prefix, const char *call, const char *arguments) {
    char key[KEY];
    snprintf(key, sizeof key, "%s%s%s", prefix, call, arguments);
    const char *value = find(key);
    if (value) return value;
    snprintf(key, sizeof key, "%s%s(*)", prefix, call);
    return find(key);
}

static const char *said(GPU gpu, const char *call, const char *arguments) {
    char prefix[KEY];
    const char *value;
    char of_instance[KEY], which[KEY];
    if (!gpu) return under("", call, arguments);
    if (gpu->instance) { /* "call(1,0)" of instance 2 is "mig.call(2,1,0)" */
        snprintf(of_instance, sizeof of_instance, "mig.%s", call);
        if (*arguments) snprintf(which, sizeof which, "(%d,%s", gpu->instance - 1, arguments + 1);
        else snprintf(which, sizeof which, "(%d)", gpu->instance - 1);
        call = of_instance;
        arguments = which;
    }
    snprintf(prefix, sizeof prefix, "gpu.%d.*", gpu->socket);
    if ((value = find(prefix))) return value;
    snprintf(prefix, sizeof prefix, "gpu.%d.", gpu->socket);
    if ((value = under(prefix, call, arguments))) return value;
    return under("gpu.*.", call, arguments);
}

/* "!15" is a return code, "hang 30000" sleeps first: as in the driver, no signal cuts that short. */
static int verdict(const char *value) {
    if (value[0] == '!') return atoi(value + 1);
    if (!strncmp(value, "hang ", 5)) {
        long wait = atol(value + 5);
        struct timespec left = {wait / 1000, wait % 1000 * 1000000};
        while (nanosleep(&left, &left)) {}
        return LATE;
    }
    return OK;
}

static int answer(GPU gpu, const char *call, const char *arguments, const char **value) {
    if (!started) return UNINITIALIZED;
    *value = said(gpu, call, arguments);
    return *value ? verdict(*value) : UNSUPPORTED;
}

/* ---- numbers, text ------------------------------------------------------------------------------------------ */

static int number(GPU gpu, const char *call, const char *arguments, void *out, size_t size) {
    const char *value;
    int code = answer(gpu, call, arguments, &value);
    if (code) return code;
    u64 found = value[0] == '-' ? (u64)strtoll(value, 0, 0) : strtoull(value, 0, 0);
    memcpy(out, &found, size); /* little-endian, as every machine with these GPUs */
    return OK;
}

static int numbers(GPU gpu, const char *call, int count, u32 *out[]) {
    const char *value;
    int code = answer(gpu, call, "", &value);
    if (code) return code;
    char *next = (char *)value;
    for (int i = 0; i < count; i++) {
        *out[i] = strtoul(next, &next, 0);
        if (*next == ',') next++;
    }
    return OK;
}

static int text(GPU gpu, const char *call, const char *arguments, char *out, u32 size) {
    const char *value;
    int code = answer(gpu, call, arguments, &value);
    if (code) return code;
    if (strlen(value) + 1 > size) return SMALL;
    strcpy(out, value);
    return OK;
}

#define ARGUMENTS(...) char arguments[48]; snprintf(arguments, sizeof arguments, __VA_ARGS__)
#define TEXT(symbol, call) int symbol(GPU gpu, char *out, u32 size) { return text(gpu, call, "", out, size); }
#define NUMBER(type, symbol, call) int symbol(GPU gpu, type *out) { return number(gpu, call, "", out, sizeof *out); }
#define NUMBER_OF(type, symbol, call) \
    int symbol(GPU gpu, u32 which, type *out) { \
        ARGUMENTS("(%u)", which); \
        return number(gpu, call, arguments, out, sizeof *out); \
    }
#define PAIR(symbol, call) int symbol(GPU gpu, u32 *a, u32 *b) { return numbers(gpu, call, 2, (u32 *[]){a, b}); }

int nvmlInitWithFlags(u32 flags) {
    (void)flags;
    if (!started) load();
    const char *value = find("nvmlInit");
    int code = value ? verdict(value) : OK;
    started = !code;
    return code;
}
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int code) { static char out[32]; snprintf(out, sizeof out, "NVML error %d", code); return out; }

int nvmlSystemGetDriverVersion(char *out, u32 size) { return text(NULL, "nvmlSystemGetDriverVersion", "", out, size); }
int nvmlSystemGetNVMLVersion(char *out, u32 size) { return text(NULL, "nvmlSystemGetNVMLVersion", "", out, size); }
int nvmlSystemGetCudaDriverVersion_v2(int *out) { return number(NULL, "nvmlSystemGetCudaDriverVersion_v2", "", out, sizeof *out); }
int nvmlSystemGetConfComputeGpusReadyState(u32 *out) {
    return number(NULL, "nvmlSystemGetConfComputeGpusReadyState", "", out, sizeof *out);
}
int nvmlDeviceGetCount_v2(u32 *out) {
    const char *value;
    int code = answer(NULL, "nvmlDeviceGetCount", "", &value);
    *out = present_count;
    return code;
}
int nvmlDeviceGetHandleByIndex_v2(u32 index, GPU *out) {
    const char *value;
    if (index >= (u32)present_count) return INVALID;
    *out = &gpus[present[index]];
    int code = answer(*out, "nvmlDeviceGetHandleByIndex", "", &value);
    return code == UNSUPPORTED ? OK : code;
}

int nvmlDeviceGetMigDeviceHandleByIndex(GPU gpu, u32 index, GPU *out) {
    const char *value;
    if (index >= MAX_INSTANCES) return INVALID;
    struct gpu *found = &instances[gpu->socket][index];
    *found = (struct gpu){gpu->socket, index + 1};
    *out = found;
    return answer(found, "nvmlDeviceGetUUID", "", &value) == UNSUPPORTED ? MISSING : OK;
}

TEXT(nvmlDeviceGetName, "nvmlDeviceGetName")
TEXT(nvmlDeviceGetUUID, "nvmlDeviceGetUUID")
TEXT(nvmlDeviceGetSerial, "nvmlDeviceGetSerial")
TEXT(nvmlDeviceGetBoardPartNumber, "nvmlDeviceGetBoardPartNumber")
TEXT(nvmlDeviceGetVbiosVersion, "nvmlDeviceGetVbiosVersion")
TEXT(nvmlDeviceGetInforomImageVersion, "nvmlDeviceGetInforomImageVersion")
int nvmlDeviceGetInforomVersion(GPU gpu, u32 part, char *out, u32 size) {
    ARGUMENTS("(%u)", part);
    return text(gpu, "nvmlDeviceGetInforomVersion", arguments, out, size);
}
int nvmlDeviceGetGspFirmwareVersion(GPU gpu, char *out) { return text(gpu, "nvmlDeviceGetGspFirmwareVersion", "", out, 64); }

NUMBER(u32, nvmlDeviceGetMinorNumber, "nvmlDeviceGetMinorNumber")
NUMBER(u32, nvmlDeviceGetModuleId, "nvmlDeviceGetModuleId")
NUMBER(u32, nvmlDeviceGetNumaNodeId, "nvmlDeviceGetNumaNodeId")
NUMBER(u32, nvmlDeviceGetRetiredPagesPendingStatus, "nvmlDeviceGetRetiredPagesPendingStatus")
NUMBER(u32, nvmlDeviceGetPowerUsage, "nvmlDeviceGetPowerUsage")
NUMBER(u32, nvmlDeviceGetEnforcedPowerLimit, "nvmlDeviceGetEnforcedPowerLimit")
NUMBER(u32, nvmlDeviceGetPowerManagementDefaultLimit, "nvmlDeviceGetPowerManagementDefaultLimit")
NUMBER(u32, nvmlDeviceGetPerformanceState, "nvmlDeviceGetPerformanceState")
NUMBER(u64, nvmlDeviceGetCurrentClocksEventReasons, "nvmlDeviceGetCurrentClocksEventReasons")
NUMBER(u64, nvmlDeviceGetCurrentClocksThrottleReasons, "nvmlDeviceGetCurrentClocksThrottleReasons")
NUMBER(u32, nvmlDeviceGetCurrPcieLinkGeneration, "nvmlDeviceGetCurrPcieLinkGeneration")
NUMBER(u32, nvmlDeviceGetMaxPcieLinkGeneration, "nvmlDeviceGetMaxPcieLinkGeneration")
NUMBER(u32, nvmlDeviceGetGpuMaxPcieLinkGeneration, "nvmlDeviceGetGpuMaxPcieLinkGeneration")
NUMBER(u32, nvmlDeviceGetCurrPcieLinkWidth, "nvmlDeviceGetCurrPcieLinkWidth")
NUMBER(u32, nvmlDeviceGetMaxPcieLinkWidth, "nvmlDeviceGetMaxPcieLinkWidth")
NUMBER(u32, nvmlDeviceGetPcieReplayCounter, "nvmlDeviceGetPcieReplayCounter")
NUMBER(u32, nvmlDeviceGetPersistenceMode, "nvmlDeviceGetPersistenceMode")
NUMBER(u32, nvmlDeviceGetComputeMode, "nvmlDeviceGetComputeMode")
NUMBER(u32, nvmlDeviceGetInforomConfigurationChecksum, "nvmlDeviceGetInforomConfigurationChecksum")
NUMBER(u32, nvmlDeviceGetMaxMigDeviceCount, "nvmlDeviceGetMaxMigDeviceCount")
NUMBER_OF(u32, nvmlDeviceGetApplicationsClock, "nvmlDeviceGetApplicationsClock")
NUMBER_OF(u32, nvmlDeviceGetDefaultApplicationsClock, "nvmlDeviceGetDefaultApplicationsClock")
NUMBER_OF(u32, nvmlDeviceGetTemperature, "nvmlDeviceGetTemperature")
NUMBER_OF(u32, nvmlDeviceGetTemperatureThreshold, "nvmlDeviceGetTemperatureThreshold")
NUMBER_OF(u32, nvmlDeviceGetClockInfo, "nvmlDeviceGetClockInfo")
NUMBER_OF(u32, nvmlDeviceGetMaxClockInfo, "nvmlDeviceGetMaxClockInfo")
NUMBER_OF(u32, nvmlDeviceGetNvLinkState, "nvmlDeviceGetNvLinkState")
NUMBER_OF(u32, nvmlDeviceGetNvLinkVersion, "nvmlDeviceGetNvLinkVersion")
NUMBER_OF(u32, nvmlDeviceGetNvLinkRemoteDeviceType, "nvmlDeviceGetNvLinkRemoteDeviceType")
PAIR(nvmlDeviceGetCudaComputeCapability, "nvmlDeviceGetCudaComputeCapability")
PAIR(nvmlDeviceGetEccMode, "nvmlDeviceGetEccMode")
PAIR(nvmlDeviceGetMigMode, "nvmlDeviceGetMigMode")
PAIR(nvmlDeviceGetPowerManagementLimitConstraints, "nvmlDeviceGetPowerManagementLimitConstraints")
int nvmlDeviceGetRemappedRows(GPU gpu, u32 *a, u32 *b, u32 *c, u32 *d) {
    return numbers(gpu, "nvmlDeviceGetRemappedRows", 4, (u32 *[]){a, b, c, d});
}
int nvmlDeviceGetTotalEccErrors(GPU gpu, u32 kind, u32 counter, u64 *out) {
    ARGUMENTS("(%u,%u)", kind, counter);
    return number(gpu, "nvmlDeviceGetTotalEccErrors", arguments, out, sizeof *out);
}
int nvmlDeviceGetMemoryErrorCounter(GPU gpu, u32 kind, u32 counter, u32 place, u64 *out) {
    ARGUMENTS("(%u,%u,%u)", kind, counter, place);
    return number(gpu, "nvmlDeviceGetMemoryErrorCounter", arguments, out, sizeof *out);
}
int nvmlDeviceGetNvLinkErrorCounter(GPU gpu, u32 link, u32 counter, u64 *out) {
    ARGUMENTS("(%u,%u)", link, counter);
    return number(gpu, "nvmlDeviceGetNvLinkErrorCounter", arguments, out, sizeof *out);
}
int nvmlDeviceGetTopologyCommonAncestor(GPU first, GPU second, u32 *out) {
    ARGUMENTS("(%d,%d)", first->socket, second->socket);
    return number(NULL, "nvmlDeviceGetTopologyCommonAncestor", arguments, out, sizeof *out);
}

/* ---- structures: members by name ----------------------------------------------------------------------------- */

struct member { const char *name; size_t offset, size; char kind; }; /* n number, t text, x hex */
#define M(type, kind, member) {#member, offsetof(struct type, member), sizeof(((struct type *)0)->member), kind}

static void put(char *base, const struct member *to, const char *value, size_t length) {
    char copy[128] = "";
    memcpy(copy, value, length < sizeof copy - 1 ? length : sizeof copy - 1);
    if (to->kind == 'n') {
        u64 found = strtoull(copy, 0, 0);
        memcpy(base + to->offset, &found, to->size);
    } else if (to->kind == 't') {
        strncpy(base + to->offset, copy, to->size - 1);
    } else {
        for (size_t i = 0; i < to->size && 2 * i + 1 < strlen(copy); i++) {
            u32 byte = 0;
            sscanf(copy + 2 * i, "%2x", &byte);
            base[to->offset + i] = (char)byte;
        }
    }
}

/* Fill from "name=value name=value". A non-zero version must stand in the first word, as the real library insists. */
static int fill(GPU gpu, const char *call, void *out, u32 version, const struct member *members) {
    const char *value;
    int code = answer(gpu, call, "", &value);
    if (code) return code;
    if (version && *(u32 *)out != version) return VERSION;
    while (*value) {
        size_t length = strcspn(value, " "), name = strcspn(value, "=");
        for (const struct member *member = members; member->name; member++)
            if (strlen(member->name) == name && !strncmp(member->name, value, name))
                put(out, member, value + name + 1, length - name - 1);
        value += length;
        value += strspn(value, " ");
    }
    return OK;
}

struct pci { char busIdLegacy[16]; u32 domain, bus, device, pciDeviceId, pciSubSystemId; char busId[32]; };
struct memory1 { u64 total, free, used; };
struct memory2 { u32 version; u64 total, reserved, free, used; };
struct utilization { u32 gpu, memory; };
struct histogram { u32 max, high, partial, low, none; };
struct confidential { u32 environment, ccFeature, devToolsMode; };
struct fabric1 { unsigned char clusterUuid[16]; u32 status, cliqueId, state; };
struct fabric2 { u32 version; unsigned char clusterUuid[16]; u32 status, cliqueId, state, healthMask; };
struct fabric3 { u32 version; unsigned char clusterUuid[16]; u32 status, cliqueId, state, healthMask; unsigned char healthSummary; };
struct platform { u32 version; unsigned char ibGuid[16]; char chassisSerialNumber[16];
                  unsigned char slotNumber, trayIndex, hostId, peerType, moduleId; };
struct sram { u32 version; u64 aggregateUncParity, aggregateUncSecDed, aggregateCor, volatileUncParity, volatileUncSecDed, volatileCor,
              aggregateUncBucketL2, aggregateUncBucketSm, aggregateUncBucketPcie, aggregateUncBucketMcu, aggregateUncBucketOther;
              u32 bThresholdExceeded; };
struct temperature { u32 version, sensorType; int temperature; };
struct margin { u32 version; int marginTemperature; };
struct repair { u32 version, bChannelRepairPending, bTpcRepairPending; };
struct addressing { u32 version, value; };
struct unrepairable { u32 version, unrepairableMemory; };
struct process { u32 pid; u64 usedGpuMemory; u32 gpuInstanceId, computeInstanceId; };
union value { double d; u32 u; u64 l; long long s; };
struct field { u32 fieldId, scopeId; long long timestamp, latencyUsec; u32 valueType, nvmlReturn; union value value; };

#define VERSIONED(type, version) ((u32)(sizeof(struct type) | (version) << 24))
#define FABRIC(type) M(type, 'x', clusterUuid), M(type, 'n', status), M(type, 'n', cliqueId), M(type, 'n', state)

const char *fake_nvml_sizes(void) {
    static char out[1024];
    snprintf(out, sizeof out,
        "nvmlPciInfo_t=%zu c_nvmlMemory_t=%zu c_nvmlMemory_v2_t=%zu c_nvmlUtilization_t=%zu "
        "c_nvmlRowRemapperHistogramValues=%zu c_nvmlConfComputeSystemState_t=%zu c_nvmlGpuFabricInfo_t=%zu "
        "c_nvmlGpuFabricInfo_v2_t=%zu c_nvmlGpuFabricInfo_v3_t=%zu c_nvmlPlatformInfo_v2_t=%zu "
        "c_nvmlEccSramErrorStatus_v1_t=%zu c_nvmlTemperature_v1_t=%zu c_nvmlMarginTemperature_v1_t=%zu "
        "c_nvmlRepairStatus_t=%zu c_nvmlUnrepairableMemory_v1_t=%zu c_nvmlDeviceAddressingMode_t=%zu c_nvmlProcessInfo_v3_t=%zu c_nvmlFieldValue_t=%zu",
        sizeof(struct pci), sizeof(struct memory1), sizeof(struct memory2), sizeof(struct utilization), sizeof(struct histogram),
        sizeof(struct confidential), sizeof(struct fabric1), sizeof(struct fabric2), sizeof(struct fabric3), sizeof(struct platform),
        sizeof(struct sram), sizeof(struct temperature), sizeof(struct margin), sizeof(struct repair), sizeof(struct unrepairable), sizeof(struct addressing),
        sizeof(struct process), sizeof(struct field));
    return out;
}

int nvmlSystemGetConfComputeState(struct confidential *out) {
    static const struct member members[] = {
        M(confidential, 'n', environment), M(confidential, 'n', ccFeature), M(confidential, 'n', devToolsMode), {0}};
    return fill(NULL, "nvmlSystemGetConfComputeState", out, 0, members);
}
int nvmlDeviceGetPciInfo_v3(GPU gpu, struct pci *out) {
    static const struct member members[] = {M(pci, 't', busId), M(pci, 'n', pciDeviceId), M(pci, 'n', pciSubSystemId), {0}};
    return fill(gpu, "nvmlDeviceGetPciInfo", out, 0, members);
}
int nvmlDeviceGetMemoryInfo(GPU gpu, struct memory1 *out) {
    static const struct member members[] = {M(memory1, 'n', total), M(memory1, 'n', free), M(memory1, 'n', used), {0}};
    return fill(gpu, "nvmlDeviceGetMemoryInfo", out, 0, members);
}
int nvmlDeviceGetMemoryInfo_v2(GPU gpu, struct memory2 *out) {
    static const struct member members[] = {
        M(memory2, 'n', total), M(memory2, 'n', reserved), M(memory2, 'n', free), M(memory2, 'n', used), {0}};
    return fill(gpu, "nvmlDeviceGetMemoryInfo_v2", out, VERSIONED(memory2, 2), members);
}
int nvmlDeviceGetUtilizationRates(GPU gpu, struct utilization *out) {
    static const struct member members[] = {M(utilization, 'n', gpu), M(utilization, 'n', memory), {0}};
    return fill(gpu, "nvmlDeviceGetUtilizationRates", out, 0, members);
}
int nvmlDeviceGetRowRemapperHistogram(GPU gpu, struct histogram *out) {
    static const struct member members[] = {M(histogram, 'n', max), M(histogram, 'n', high), M(histogram, 'n', partial),
                                            M(histogram, 'n', low), M(histogram, 'n', none), {0}};
    return fill(gpu, "nvmlDeviceGetRowRemapperHistogram", out, 0, members);
}
int nvmlDeviceGetSramEccErrorStatus(GPU gpu, struct sram *out) {
    static const struct member members[] = {
        M(sram, 'n', aggregateUncParity), M(sram, 'n', aggregateUncSecDed), M(sram, 'n', aggregateCor),
        M(sram, 'n', volatileUncParity), M(sram, 'n', volatileUncSecDed), M(sram, 'n', volatileCor),
        M(sram, 'n', aggregateUncBucketL2), M(sram, 'n', aggregateUncBucketSm), M(sram, 'n', aggregateUncBucketPcie),
        M(sram, 'n', aggregateUncBucketMcu), M(sram, 'n', aggregateUncBucketOther), M(sram, 'n', bThresholdExceeded), {0}};
    return fill(gpu, "nvmlDeviceGetSramEccErrorStatus", out, VERSIONED(sram, 1), members);
}
int nvmlDeviceGetGpuFabricInfo(GPU gpu, struct fabric1 *out) {
    static const struct member members[] = {FABRIC(fabric1), {0}};
    return fill(gpu, "nvmlDeviceGetGpuFabricInfo", out, 0, members);
}
int nvmlDeviceGetGpuFabricInfoV(GPU gpu, struct fabric3 *out) {
    static const struct member newer[] = {FABRIC(fabric3), M(fabric3, 'n', healthMask), M(fabric3, 'n', healthSummary), {0}};
    static const struct member older[] = {FABRIC(fabric2), M(fabric2, 'n', healthMask), {0}};
    int code = fill(gpu, "nvmlDeviceGetGpuFabricInfoV", out, VERSIONED(fabric3, 3), newer);
    return code == VERSION ? fill(gpu, "nvmlDeviceGetGpuFabricInfoV", out, VERSIONED(fabric2, 2), older) : code;
}
int nvmlDeviceGetPlatformInfo(GPU gpu, struct platform *out) {
    static const struct member members[] = {
        M(platform, 'x', ibGuid), M(platform, 't', chassisSerialNumber), M(platform, 'n', slotNumber), M(platform, 'n', trayIndex),
        M(platform, 'n', hostId), M(platform, 'n', peerType), M(platform, 'n', moduleId), {0}};
    return fill(gpu, "nvmlDeviceGetPlatformInfo", out, VERSIONED(platform, 2), members);
}

/* One number in a versioned structure. */
int nvmlDeviceGetTemperatureV(GPU gpu, struct temperature *out) {
    ARGUMENTS("(%u)", out->sensorType);
    if (out->version != VERSIONED(temperature, 1)) return VERSION;
    return number(gpu, "nvmlDeviceGetTemperatureV", arguments, &out->temperature, sizeof out->temperature);
}
int nvmlDeviceGetMarginTemperature(GPU gpu, struct margin *out) {
    if (out->version != VERSIONED(margin, 1)) return VERSION;
    return number(gpu, "nvmlDeviceGetMarginTemperature", "", &out->marginTemperature, sizeof out->marginTemperature);
}
int nvmlDeviceGetAddressingMode(GPU gpu, struct addressing *out) {
    if (out->version != VERSIONED(addressing, 1)) return VERSION;
    return number(gpu, "nvmlDeviceGetAddressingMode", "", &out->value, sizeof out->value);
}
int nvmlDeviceGetUnrepairableMemoryFlag_v1(GPU gpu, struct unrepairable *out) {
    if (out->version != VERSIONED(unrepairable, 1)) return VERSION;
    return number(gpu, "nvmlDeviceGetUnrepairableMemoryFlag_v1", "", &out->unrepairableMemory, sizeof out->unrepairableMemory);
}
int nvmlDeviceGetRepairStatus(GPU gpu, struct repair *out) {
    if (out->version != VERSIONED(repair, 1)) return VERSION;
    return numbers(gpu, "nvmlDeviceGetRepairStatus", 2, (u32 *[]){&out->bChannelRepairPending, &out->bTpcRepairPending});
}

/* ---- lists --------------------------------------------------------------------------------------------------- */

int nvmlDeviceGetRetiredPages(GPU gpu, u32 cause, u32 *count, u64 *out) {
    ARGUMENTS("(%u)", cause);
    u32 found = 0, room = *count;
    int code = number(gpu, "nvmlDeviceGetRetiredPages", arguments, &found, sizeof found);
    if (code) return code;
    *count = found;
    if (found > room) return SMALL;
    for (u32 i = 0; i < found; i++) out[i] = (i + 1) << 12;
    return OK;
}
int nvmlDeviceGetComputeRunningProcesses_v3(GPU gpu, u32 *count, struct process *out) {
    const char *value;
    int code = answer(gpu, "nvmlDeviceGetComputeRunningProcesses_v3", "", &value);
    u32 found = 0, room = *count;
    if (code) return code;
    for (; *value; value += strcspn(value, " "), value += strspn(value, " ")) {
        struct process next = {0, 0, ~0u, ~0u};
        if (sscanf(value, "%u/%llu", &next.pid, &next.usedGpuMemory) != 2) continue; /* "none" */
        if (found < room) out[found] = next;
        found++;
    }
    *count = found;
    return found > room ? SMALL : OK;
}
int nvmlDeviceGetFieldValues(GPU gpu, int count, struct field *fields) {
    const char *value;
    int code = answer(gpu, "nvmlDeviceGetFieldValues", "", &value);
    if (code && code != UNSUPPORTED) return code;
    int c2c_refused = 0;
    for (struct field *field = fields; field < fields + count; field++)
        c2c_refused |= field->fieldId == 170 && answer(gpu, "nvmlDeviceGetFieldValues", "(170)", &value) == UNSUPPORTED;
    for (struct field *field = fields; field < fields + count; field++) {
        /* as driver 580 does: success with nothing filled in for thermal margins beside a refused C2C count */
        if (c2c_refused && field->fieldId >= 193 && field->fieldId <= 195) continue;
        char arguments[48];
        if (field->scopeId) snprintf(arguments, sizeof arguments, "(%u,%u)", field->fieldId, field->scopeId);
        else snprintf(arguments, sizeof arguments, "(%u)", field->fieldId);
        field->nvmlReturn = answer(gpu, "nvmlDeviceGetFieldValues", arguments, &value);
        if (field->nvmlReturn) continue;
        field->valueType = value[0] == '-' ? 4 : 3;
        if (field->valueType == 4) field->value.s = strtoll(value, 0, 0);
        else field->value.l = strtoull(value, 0, 0);
    }
    return OK;
}
