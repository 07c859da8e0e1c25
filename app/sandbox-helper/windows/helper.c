/* Starts a command on Windows inside an AppContainer and a job object, waits for it, and ends all
   that it started. What to start comes on the standard input, as core/sandbox/WindowsLaunch.h says;
   the command itself gets none. C and the system's own libraries only: it starts with every command.
   Whatever fails on the way means that nothing is run. */
#define WIN32_LEAN_AND_MEAN
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0A00
#endif
#include <windows.h>

#include <aclapi.h>
#include <sddl.h>
#include <userenv.h>
#include <wchar.h>

/* Later than some headers. */
#define ATTRIBUTE_JOB_LIST 0x0002000DU
#define ATTRIBUTE_PACKAGES_POLICY 0x0002000FU
#define PACKAGES_OPT_OUT 0x01U

enum { EXIT_NOT_RUN = 126, EXIT_TIME = 124, MOST_FOLDERS = 16, MOST_BYTES = 1 << 20 };

struct parameters {
    const wchar_t *container;
    wchar_t *command;
    const wchar_t *folder;
    const wchar_t *writable[MOST_FOLDERS];
    const wchar_t *readable[MOST_FOLDERS];
    unsigned writable_count;
    unsigned readable_count;
    wchar_t *environment; /* NAME=value, each with its NUL, and one more */
    size_t environment_size;
    unsigned long long process_memory;
    unsigned long long job_memory;
    unsigned long long cpu;
    unsigned long long job_cpu;
    unsigned long processes;
    unsigned long wall;
    unsigned long ui;
    int less_privileged;
};

static void say(const char *text)
{
    DWORD written = 0;
    WriteFile(GetStdHandle(STD_ERROR_HANDLE), text, (DWORD)lstrlenA(text), &written, NULL);
}

static void give_up(const char *step)
{
    char text[256];
    wsprintfA(text, "signalbox-sandbox-helper: %s (%lu)\n", step, (unsigned long)GetLastError());
    say(text);
    ExitProcess(EXIT_NOT_RUN);
}

static wchar_t *read_all(size_t *count)
{
    HANDLE input = GetStdHandle(STD_INPUT_HANDLE);
    char *bytes = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, MOST_BYTES + 4);
    DWORD done = 0;
    DWORD got = 0;
    if (!bytes) {
        give_up("no memory");
    }
    while (done < MOST_BYTES && ReadFile(input, bytes + done, MOST_BYTES - done, &got, NULL) && got) {
        done += got;
    }
    if (done < 4 || done == MOST_BYTES || done % 2 != 0 || bytes[done - 1] || bytes[done - 2]) {
        SetLastError(ERROR_INVALID_DATA);
        give_up("the parameters are missing");
    }
    *count = done / 2;
    return (wchar_t *)bytes;
}

/* The value, when the word is "key=value" with this key. */
static wchar_t *value_of(wchar_t *word, const wchar_t *key)
{
    const size_t length = wcslen(key);
    return wcsncmp(word, key, length) == 0 && word[length] == L'=' ? word + length + 1 : NULL;
}

static unsigned long long number_of(const wchar_t *text)
{
    unsigned long long number = 0;
    for (; *text >= L'0' && *text <= L'9'; ++text) {
        number = number * 10 + (unsigned)(*text - L'0');
    }
    return number;
}

static void add_folder(const wchar_t **folders, unsigned *count, const wchar_t *folder)
{
    if (*count == MOST_FOLDERS) {
        SetLastError(ERROR_INVALID_DATA);
        give_up("too many folders");
    }
    folders[(*count)++] = folder;
}

static void add_variable(struct parameters *to, const wchar_t *variable)
{
    const size_t length = wcslen(variable) + 1;
    memcpy(to->environment + to->environment_size, variable, length * sizeof *variable);
    to->environment_size += length;
}

static void set_parameter(struct parameters *to, wchar_t *word)
{
    wchar_t *value;
    if ((value = value_of(word, L"container"))) {
        to->container = value;
    } else if ((value = value_of(word, L"command"))) {
        to->command = value;
    } else if ((value = value_of(word, L"folder"))) {
        to->folder = value;
    } else if ((value = value_of(word, L"environment"))) {
        add_variable(to, value);
    } else if ((value = value_of(word, L"writable"))) {
        add_folder(to->writable, &to->writable_count, value);
    } else if ((value = value_of(word, L"readable"))) {
        add_folder(to->readable, &to->readable_count, value);
    } else if ((value = value_of(word, L"less_privileged"))) {
        to->less_privileged = number_of(value) != 0;
    } else if ((value = value_of(word, L"process_memory"))) {
        to->process_memory = number_of(value);
    } else if ((value = value_of(word, L"job_memory"))) {
        to->job_memory = number_of(value);
    } else if ((value = value_of(word, L"processes"))) {
        to->processes = (unsigned long)number_of(value);
    } else if ((value = value_of(word, L"cpu"))) {
        to->cpu = number_of(value);
    } else if ((value = value_of(word, L"job_cpu"))) {
        to->job_cpu = number_of(value);
    } else if ((value = value_of(word, L"wall"))) {
        to->wall = (unsigned long)number_of(value);
    } else if ((value = value_of(word, L"ui"))) {
        to->ui = (unsigned long)number_of(value);
    } else {
        /* A helper of another version would leave a limit out, or grant a capability unseen. */
        SetLastError(ERROR_INVALID_DATA);
        give_up("unknown parameter");
    }
}

static struct parameters read_parameters(void)
{
    struct parameters result = {0};
    size_t count = 0;
    wchar_t *text = read_all(&count);
    wchar_t *word = text;
    result.environment = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, (count + 2) * sizeof *text);
    if (!result.environment) {
        give_up("no memory");
    }
    for (; word < text + count && *word; word += wcslen(word) + 1) {
        set_parameter(&result, word);
    }
    if (!result.container || !result.command || !result.folder || !result.processes ||
        !result.process_memory || !result.job_memory || !result.cpu || !result.wall) {
        SetLastError(ERROR_INVALID_DATA);
        give_up("the parameters are incomplete");
    }
    return result;
}

static PSID container_identity(const wchar_t *name)
{
    PSID identity = NULL;
    HRESULT made = CreateAppContainerProfile(name, name, name, NULL, 0, &identity);
    if (made == HRESULT_FROM_WIN32(ERROR_ALREADY_EXISTS)) {
        made = DeriveAppContainerSidFromAppContainerName(name, &identity);
    }
    if (FAILED(made)) {
        SetLastError((DWORD)made);
        give_up("the AppContainer could not be made");
    }
    return identity;
}

/* An AppContainer may open only what names it, so each folder of the command does. */
static void let_in(PSID identity, const wchar_t *folder, DWORD rights)
{
    EXPLICIT_ACCESSW entry = {0};
    PACL before = NULL;
    PACL after = NULL;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    entry.grfAccessPermissions = rights;
    entry.grfAccessMode = SET_ACCESS;
    entry.grfInheritance = SUB_CONTAINERS_AND_OBJECTS_INHERIT;
    entry.Trustee.TrusteeForm = TRUSTEE_IS_SID;
    entry.Trustee.ptstrName = (LPWSTR)identity;
    if (GetNamedSecurityInfoW(folder, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, &before,
                              NULL, &descriptor) != ERROR_SUCCESS ||
        SetEntriesInAclW(1, &entry, before, &after) != ERROR_SUCCESS ||
        SetNamedSecurityInfoW((LPWSTR)folder, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL,
                              after, NULL) != ERROR_SUCCESS) {
        give_up("a folder could not be opened to the command");
    }
    LocalFree(after);
    LocalFree(descriptor);
}

static HANDLE limited_job(const struct parameters *wanted)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    JOBOBJECT_BASIC_UI_RESTRICTIONS screen = {wanted->ui};
    HANDLE job = CreateJobObjectW(NULL, NULL);
    /* No JOB_OBJECT_LIMIT_BREAKAWAY_OK: nobody leaves. */
    limits.BasicLimitInformation.LimitFlags =
        JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION |
        JOB_OBJECT_LIMIT_ACTIVE_PROCESS | JOB_OBJECT_LIMIT_PROCESS_MEMORY |
        JOB_OBJECT_LIMIT_JOB_MEMORY | JOB_OBJECT_LIMIT_PROCESS_TIME | JOB_OBJECT_LIMIT_JOB_TIME;
    limits.BasicLimitInformation.ActiveProcessLimit = wanted->processes;
    limits.BasicLimitInformation.PerProcessUserTimeLimit.QuadPart = (LONGLONG)wanted->cpu;
    limits.BasicLimitInformation.PerJobUserTimeLimit.QuadPart = (LONGLONG)wanted->job_cpu;
    limits.ProcessMemoryLimit = (SIZE_T)wanted->process_memory;
    limits.JobMemoryLimit = (SIZE_T)wanted->job_memory;
    if (!job ||
        !SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits) ||
        !SetInformationJobObject(job, JobObjectBasicUIRestrictions, &screen, sizeof screen)) {
        give_up("the limits could not be set");
    }
    return job;
}

static HANDLE restricted_token(void)
{
    HANDLE own = NULL;
    HANDLE restricted = NULL;
    if (!OpenProcessToken(GetCurrentProcess(),
                          TOKEN_DUPLICATE | TOKEN_ASSIGN_PRIMARY | TOKEN_QUERY, &own) ||
        !CreateRestrictedToken(own, DISABLE_MAX_PRIVILEGE, 0, NULL, 0, NULL, 0, NULL, &restricted)) {
        give_up("the privileges could not be dropped");
    }
    CloseHandle(own);
    return restricted;
}

static HANDLE empty_input(void)
{
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    HANDLE file = CreateFileW(L"NUL", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited,
                              OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        give_up("no input for the command");
    }
    return file;
}

static void set_attribute(LPPROC_THREAD_ATTRIBUTE_LIST list, DWORD_PTR which, void *value, SIZE_T size)
{
    if (!UpdateProcThreadAttribute(list, 0, which, value, size, NULL, NULL)) {
        give_up("the command could not be confined");
    }
}

static PROCESS_INFORMATION start(const struct parameters *wanted, PSID identity, HANDLE job)
{
    SECURITY_CAPABILITIES capabilities = {identity, NULL, 0, 0}; /* none: no network, nothing */
    DWORD packages = PACKAGES_OPT_OUT;
    HANDLE handles[3] = {empty_input(), GetStdHandle(STD_OUTPUT_HANDLE),
                         GetStdHandle(STD_ERROR_HANDLE)};
    const SIZE_T handle_count = handles[1] == handles[2] ? 2 : 3; /* none may stand there twice */
    STARTUPINFOEXW startup = {0};
    PROCESS_INFORMATION process = {0};
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(NULL, 4, 0, &size);
    startup.lpAttributeList = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, size);
    if (!startup.lpAttributeList ||
        !InitializeProcThreadAttributeList(startup.lpAttributeList, 4, 0, &size)) {
        give_up("the command could not be confined");
    }
    SetHandleInformation(handles[1], HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    SetHandleInformation(handles[2], HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    set_attribute(startup.lpAttributeList, PROC_THREAD_ATTRIBUTE_SECURITY_CAPABILITIES,
                  &capabilities, sizeof capabilities);
    set_attribute(startup.lpAttributeList, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles,
                  handle_count * sizeof *handles);
    /* In the job from its first instruction. */
    set_attribute(startup.lpAttributeList, ATTRIBUTE_JOB_LIST, &job, sizeof job);
    if (wanted->less_privileged) {
        set_attribute(startup.lpAttributeList, ATTRIBUTE_PACKAGES_POLICY, &packages,
                      sizeof packages);
    }
    startup.StartupInfo.cb = sizeof startup;
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.hStdInput = handles[0];
    startup.StartupInfo.hStdOutput = handles[1];
    startup.StartupInfo.hStdError = handles[2];
    if (!CreateProcessAsUserW(restricted_token(), NULL, wanted->command, NULL, NULL, TRUE,
                              EXTENDED_STARTUPINFO_PRESENT | CREATE_UNICODE_ENVIRONMENT |
                                  CREATE_NO_WINDOW,
                              wanted->environment, wanted->folder,
                              (LPSTARTUPINFOW)&startup, &process)) {
        give_up("the command could not be started");
    }
    CloseHandle(process.hThread);
    return process;
}

int main(void)
{
    const struct parameters wanted = read_parameters();
    PSID identity = container_identity(wanted.container);
    HANDLE job = limited_job(&wanted);
    PROCESS_INFORMATION process;
    DWORD code = EXIT_NOT_RUN;
    unsigned i;
    for (i = 0; i < wanted.writable_count; ++i) {
        let_in(identity, wanted.writable[i],
               FILE_GENERIC_READ | FILE_GENERIC_WRITE | FILE_GENERIC_EXECUTE | DELETE);
    }
    for (i = 0; i < wanted.readable_count; ++i) {
        let_in(identity, wanted.readable[i], FILE_GENERIC_READ | FILE_GENERIC_EXECUTE);
    }
    process = start(&wanted, identity, job);
    if (WaitForSingleObject(process.hProcess, wanted.wall) == WAIT_OBJECT_0) {
        GetExitCodeProcess(process.hProcess, &code);
    } else {
        code = EXIT_TIME;
    }
    /* Background children go with the command. */
    TerminateJobObject(job, EXIT_TIME);
    FreeSid(identity);
    return (int)code;
}
