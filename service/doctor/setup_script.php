<?php
// @@ABOUT@@
//
// Everything is done with Moodle's own functions; nothing is sent anywhere but the last check, which
// asks the address of the sign-in for its discovery document. What was made and what the settings
// were before is written into Moodle's settings (plugin "schoolbridge_setup"), so that a second run
// changes nothing and --undo takes back exactly this.

define('CLI_SCRIPT', true);
if (PHP_SAPI !== 'cli') {
    exit(1);
}

// What shall be there. What this script says comes last.
const PLAN = <<<'PLAN'
@@PLAN@@
PLAN;
const RECORD = 'schoolbridge_setup';

$plan = json_decode(PLAN, true, 512, JSON_THROW_ON_ERROR);
$given = getopt('', ['moodle:', 'secret-file:', 'check', 'undo', 'allow-our-address', 'allow-same-email', 'new-token', 'help']);
$folder = rtrim($given['moodle'] ?? getcwd(), '/');
if (isset($given['help']) || !is_file("$folder/config.php")) {
    echo $plan['words']['usage'], "\n";
    exit(isset($given['help']) ? 0 : 2);
}
require("$folder/config.php");
require_once($CFG->libdir . '/clilib.php');
require_once($CFG->libdir . '/adminlib.php');
require_once($CFG->libdir . '/filelib.php');
require_once($CFG->dirroot . '/user/lib.php');
require_once($CFG->dirroot . '/webservice/lib.php');

use core\oauth2\api;
use core\oauth2\endpoint;
use core\oauth2\issuer;
use core\oauth2\user_field_mapping;

\core\session\manager::set_user(get_admin());
$system = context_system::instance();
// "made": numbers of what is ours. "before": each setting as it was. "added": what lists got.
$record = json_decode(get_config(RECORD, 'record') ?: '{}', true) + ['made' => [], 'before' => [], 'added' => []];
$checking = isset($given['check']);
$changes = 0;
$problems = 0;

function say(string $sign, string $word, array $values = []): void {
    global $plan;
    $pairs = [];
    foreach ($values as $name => $value) {
        $pairs['{' . $name . '}'] = (string) $value;
    }
    echo $sign, ' ', strtr($plan['words'][$word], $pairs), "\n";
}

function problem(string $word, array $values = []): void {
    global $problems;
    $problems++;
    say('!', $word, $values);
}

// Do one change and write down at once what is needed to take it back; with --check only say it.
function change(string $word, array $values, callable $act): void {
    global $changes, $checking, $record;
    $changes++;
    if ($checking) {
        say('+', $word, $values);
        return;
    }
    $act();
    set_config('record', json_encode($record), RECORD);
    say('+', $word, $values);
}

function setting(string $name, string $value, ?string $plugin = null): void {
    global $record;
    $before = get_config($plugin ?? 'core', $name);
    if ((string) $before === $value) {
        return;
    }
    change('setting', ['name' => ($plugin ? "$plugin/" : '') . $name, 'value' => str_replace("\n", ' ', $value)],
        function () use ($name, $value, $plugin, $before) {
            global $record;
            $key = ($plugin ?? 'core') . '|' . $name;
            $first = $record['before'][$key]['before'] ?? ($before === false ? null : $before);
            $record['before'][$key] = ['before' => $first, 'ours' => $value];
            set_config($name, $value, $plugin);
            add_to_config_log($name, (string) $before, $value, $plugin);
        });
}

function plugin_on(string $class, string $setting, string $name): void {
    if (in_array($name, explode(',', (string) get_config('core', $setting)), true)) {
        return;
    }
    change('plugin', ['name' => $name, 'setting' => $setting], function () use ($class, $setting, $name) {
        global $record;
        $class::enable_plugin($name, 1);
        $record['added'][$setting] = $name;
    });
}

// The number of a row that this script made; 0 when there is none, null when somebody else's has its name.
function ours(string $kind, string $table, array $named): ?int {
    global $DB, $record;
    $found = $DB->get_record($table, $named, 'id', IGNORE_MULTIPLE);
    if (!$found) {
        return 0;
    }
    if (($record['made'][$kind] ?? 0) == $found->id) {
        return (int) $found->id;
    }
    problem('not_ours', ['kind' => $kind, 'name' => reset($named)]);
    return null;
}

function make_role(): ?int {
    global $DB, $plan, $record, $system;
    $role = ours('role', 'role', ['shortname' => $plan['role']['shortname']]);
    if ($role === 0) {
        change('role', ['name' => $plan['role']['name']], function () use (&$role) {
            global $plan, $record;
            $wanted = $plan['role'];
            $role = create_role($wanted['name'], $wanted['shortname'], $wanted['description']);
            $record['made']['role'] = $role;
            set_role_contextlevels($role, [CONTEXT_SYSTEM]);
        });
    }
    if (!$role) {
        return $role;
    }
    $has = $DB->get_records_menu('role_capabilities', ['roleid' => $role, 'contextid' => $system->id], '', 'capability, permission');
    foreach ($plan['capabilities'] as $capability) {
        if (!get_capability_info($capability)) {
            problem('no_capability', ['name' => $capability]);
        } else if (($has[$capability] ?? null) != CAP_ALLOW) {
            change('capability', ['name' => $capability],
                fn() => assign_capability($capability, CAP_ALLOW, $role, $system->id, true));
        }
    }
    foreach (array_diff(array_keys($has), $plan['capabilities']) as $extra) {
        change('capability_gone', ['name' => $extra], fn() => unassign_capability($extra, $role, $system->id));
    }
    foreach ($plan['assignable'] as $shortname => $number) {
        $target = $DB->get_field('role', 'id', ['shortname' => $shortname]);
        if (!$target) {
            problem('no_role', ['name' => $shortname]);
            continue;
        }
        if ($target != $number) {
            problem('other_number', ['name' => $shortname, 'number' => $target, 'configured' => $number]);
        }
        if (!$DB->record_exists('role_allow_assign', ['roleid' => $role, 'allowassign' => $target])) {
            change('assignable', ['name' => $shortname], fn() => core_role_set_assign_allowed($role, $target));
        }
    }
    return $role;
}

function make_account(int $role): ?int {
    global $DB, $CFG, $plan, $system;
    $account = ours('user', 'user', ['username' => $plan['account']['username'], 'mnethostid' => $CFG->mnet_localhost_id]);
    if ($account === 0) {
        change('account', ['name' => $plan['account']['username']], function () use (&$account) {
            global $CFG, $plan, $record;
            $wanted = $plan['account'] + ['auth' => 'webservice', 'confirmed' => 1, 'policyagreed' => 1];
            $wanted['mnethostid'] = $CFG->mnet_localhost_id;
            $account = user_create_user((object) $wanted, false);
            $record['made']['user'] = $account;
        });
    }
    if ($account && $role && !$DB->record_exists('role_assignments', ['roleid' => $role, 'userid' => $account, 'contextid' => $system->id])) {
        change('role_given', ['name' => $plan['role']['name']], fn() => role_assign($role, $account, $system->id));
    }
    return $account;
}

function make_service(int $account): ?int {
    global $DB, $plan;
    $webservice = new webservice();
    $service = ours('service', 'external_services', ['shortname' => $plan['service']['shortname']]);
    if ($service === 0) {
        change('service', ['name' => $plan['service']['name']], function () use (&$service, $webservice) {
            global $plan, $record;
            $service = $webservice->add_external_service((object) ($plan['service'] + [
                'enabled' => 1, 'restrictedusers' => 1, 'requiredcapability' => '',
                'downloadfiles' => 0, 'uploadfiles' => 0,
            ]));
            $record['made']['service'] = $service;
        });
    }
    if (!$service) {
        return $service;
    }
    if (!$DB->get_field('external_services', 'enabled', ['id' => $service])) {
        change('service_on', [], fn() => $DB->set_field('external_services', 'enabled', 1, ['id' => $service]));
    }
    $has = $DB->get_fieldset_select('external_services_functions', 'functionname', 'externalserviceid = ?', [$service]);
    foreach (array_diff($plan['functions'], $has) as $function) {
        if ($DB->record_exists('external_functions', ['name' => $function])) {
            change('function', ['name' => $function], fn() => $webservice->add_external_function_to_service($function, $service));
        } else {
            problem('no_function', ['name' => $function]);
        }
    }
    foreach (array_diff($has, $plan['functions']) as $extra) {
        change('function_gone', ['name' => $extra], fn() => $webservice->remove_external_function_from_service($extra, $service));
    }
    if ($account && !$DB->record_exists('external_services_users', ['externalserviceid' => $service, 'userid' => $account])) {
        change('service_user', [], fn() => $webservice->add_ws_authorised_user((object) ['externalserviceid' => $service, 'userid' => $account]));
    }
    return $service;
}

function make_token(int $service, int $account, bool $anew): void {
    global $DB, $CFG, $system;
    $of_ours = ['externalserviceid' => $service, 'userid' => $account];
    if ($anew && $DB->record_exists('external_tokens', $of_ours)) {
        change('tokens_gone', [], fn() => $DB->delete_records('external_tokens', $of_ours));
    }
    if ($DB->record_exists('external_tokens', $of_ours)) {
        return;
    }
    change('token', [], function () use ($service, $account, $system, $CFG) {
        global $DB;
        $row = $DB->get_record('external_services', ['id' => $service], '*', MUST_EXIST);
        $token = \core_external\util::generate_token(EXTERNAL_TOKEN_PERMANENT, $row, $account, $system, 0, '', 'schoolbridge');
        say(' ', 'token_once', ['url' => $CFG->wwwroot, 'token' => $token]);
    });
}

function client_secret(array $plan, array $given): string {
    if ($plan['issuer']['clientsecret'] !== '') {
        return $plan['issuer']['clientsecret'];
    }
    return isset($given['secret-file']) ? trim((string) file_get_contents($given['secret-file'])) : '';
}

function make_issuer(string $secret): void {
    global $plan, $record;
    $wanted = $plan['issuer'];
    if (strpos($wanted['baseurl'], 'https://') !== 0) {
        problem('no_https', ['url' => $wanted['baseurl']]);
        return;
    }
    $found = array_filter(issuer::get_records(), fn($one) => $one->get('baseurl') === $wanted['baseurl']);
    $issuer = $found ? reset($found) : null;
    if ($issuer && ($record['made']['issuer'] ?? 0) != $issuer->get('id')) {
        problem('issuer_by_hand', ['name' => $issuer->get('name')]);
        return;
    }
    if (!$issuer && $secret === '') {
        problem('no_secret');
        return;
    }
    $wanted['clientsecret'] = $secret !== '' ? $secret : $issuer->get('clientsecret');
    if (!$issuer) {
        change('issuer', ['name' => $wanted['name']], function () use (&$issuer, $wanted) {
            global $record;
            // Not api::create_issuer: it asks the address at once, and maps fields that we do not want.
            $issuer = new issuer(0, (object) ($wanted + ['image' => '', 'scopessupported' => $wanted['loginscopes']]));
            $issuer->create();
            $record['made']['issuer'] = $issuer->get('id');
        });
    }
    if (!$issuer || !$issuer->get('id')) {
        return;
    }
    foreach ($wanted as $field => $value) {
        if ((is_int($value) ? (int) $issuer->get($field) : (string) $issuer->get($field)) !== $value) {
            change('issuer_field', ['name' => $field], function () use ($issuer, $field, $value) {
                $issuer->set($field, $value);
                $issuer->update();
            });
        }
    }
    rows_of_issuer($issuer, endpoint::class, 'name', 'url', $plan['endpoints'], 'endpoint');
    rows_of_issuer($issuer, user_field_mapping::class, 'externalfield', 'internalfield', $plan['mappings'], 'mapping');
}

// Let the issuer have exactly these rows: endpoints, or which claim goes into which field.
function rows_of_issuer(issuer $issuer, string $class, string $key, string $value, array $wanted, string $word): void {
    $has = [];
    foreach ($class::get_records(['issuerid' => $issuer->get('id')]) as $row) {
        if (($wanted[$row->get($key)] ?? null) === $row->get($value) && !isset($has[$row->get($key)])) {
            $has[$row->get($key)] = true;
        } else {
            change($word . '_gone', ['name' => $row->get($key), 'value' => $row->get($value)], fn() => $row->delete());
        }
    }
    foreach (array_diff_key($wanted, $has) as $name => $content) {
        change($word, ['name' => $name, 'value' => $content], fn() => (new $class(0, (object) [
            'issuerid' => $issuer->get('id'), $key => $name, $value => $content,
        ]))->create());
    }
}

// Moodle asks no address of its list of blocked hosts, and no port outside its list of allowed ones.
function allow_address(string $url, bool $may_change): void {
    global $CFG;
    $helper = new \core\files\curl_security_helper();
    if (!$helper->url_is_blocked($url)) {
        return;
    }
    $report = $may_change ? fn() => null : 'problem';
    $hosts = preg_split('/\s+/', trim((string) $CFG->curlsecurityblockedhosts), -1, PREG_SPLIT_NO_EMPTY);
    $ports = preg_split('/\s+/', trim((string) $CFG->curlsecurityallowedport), -1, PREG_SPLIT_NO_EMPTY);
    $port = (string) (parse_url($url, PHP_URL_PORT) ?: 443);
    $kept = [];
    $CFG->curlsecurityallowedport = '';
    foreach ($hosts as $entry) {
        $CFG->curlsecurityblockedhosts = $entry;
        if ($helper->url_is_blocked($url)) {
            $report('host_blocked', ['entry' => $entry]);
        } else {
            $kept[] = $entry;
        }
    }
    $CFG->curlsecurityblockedhosts = implode("\n", $hosts);
    $CFG->curlsecurityallowedport = implode("\n", $ports);
    if ($ports && !in_array($port, $ports)) {
        $report('port_blocked', ['port' => $port]);
        if ($may_change) {
            setting('curlsecurityallowedport', implode("\n", [...$ports, $port]));
        }
    }
    if ($may_change && $kept !== $hosts) {
        setting('curlsecurityblockedhosts', implode("\n", $kept));
    }
}

function check_discovery(string $issuer, string $url): void {
    if ((new \core\files\curl_security_helper())->url_is_blocked($url)) {
        return;
    }
    $curl = new curl();
    $told = json_decode((string) $curl->get($url), true);
    if ($curl->get_errno() || !is_array($told)) {
        problem('not_reached', ['url' => $url, 'what' => $curl->error ?: '-']);
    } else if (($told['issuer'] ?? '') !== $issuer) {
        problem('other_issuer', ['url' => $url]);
    } else {
        say('=', 'reached', ['url' => $url]);
    }
}

function undo(): void {
    global $DB, $record;
    $made = $record['made'];
    if (isset($made['issuer']) && issuer::record_exists($made['issuer'])) {
        foreach (user_field_mapping::get_records(['issuerid' => $made['issuer']]) as $mapping) {
            $mapping->delete();
        }
        $links = $DB->count_records('auth_oauth2_linked_login', ['issuerid' => $made['issuer']]);
        $DB->delete_records('auth_oauth2_linked_login', ['issuerid' => $made['issuer']]);
        api::delete_issuer($made['issuer']);
        say('-', 'issuer_undone', ['n' => $links]);
    }
    if (isset($made['service'])) {
        (new webservice())->delete_service($made['service']);
        say('-', 'service_undone');
    }
    if (isset($made['user']) && ($user = $DB->get_record('user', ['id' => $made['user'], 'deleted' => 0]))) {
        delete_user($user);
        say('-', 'account_undone');
    }
    if (isset($made['role']) && $DB->record_exists('role', ['id' => $made['role']])) {
        delete_role($made['role']);
        say('-', 'role_undone');
    }
    foreach (['auth' => \core\plugininfo\auth::class, 'webserviceprotocols' => \core\plugininfo\webservice::class] as $setting => $class) {
        if (isset($record['added'][$setting])) {
            $class::enable_plugin($record['added'][$setting], 0);
            say('-', 'plugin_undone', ['name' => $record['added'][$setting], 'setting' => $setting]);
        }
    }
    foreach ($record['before'] as $key => ['before' => $before, 'ours' => $ours]) {
        [$plugin, $name] = explode('|', $key);
        if ((string) get_config($plugin, $name) !== (string) $ours) {
            say('!', 'setting_kept', ['name' => $name]);
            continue;
        }
        $before === null ? unset_config($name, $plugin) : set_config($name, $before, $plugin === 'core' ? null : $plugin);
        add_to_config_log($name, (string) $ours, (string) $before, $plugin === 'core' ? null : $plugin);
        say('-', 'setting_undone', ['name' => $name]);
    }
    unset_all_config_for_plugin(RECORD);
    purge_all_caches();
    say('=', $made || $record['before'] || $record['added'] ? 'undone' : 'nothing_to_undo');
}

if (isset($given['undo'])) {
    undo();
    exit(0);
}
foreach ($plan['settings'] as [$plugin, $name, $value]) {
    setting($name, $value, $plugin);
}
if (isset($given['allow-same-email'])) {
    setting('allowaccountssameemail', '1');
}
plugin_on(\core\plugininfo\webservice::class, 'webserviceprotocols', 'rest');
$role = make_role();
$account = $role === null ? null : make_account($role);
$service = $account === null ? null : make_service($account);
if ($service && $account) {
    make_token($service, $account, isset($given['new-token']));
}
if ($plan['issuer']) {
    plugin_on(\core\plugininfo\auth::class, 'auth', 'oauth2');
    make_issuer(client_secret($plan, $given));
    allow_address($plan['endpoints']['discovery_endpoint'], isset($given['allow-our-address']));
    check_discovery($plan['issuer']['baseurl'], $plan['endpoints']['discovery_endpoint']);
}
if ($changes && !$checking) {
    accesslib_clear_role_cache($role ?: 0);
    $system->mark_dirty();
}
say('=', $checking ? 'would_change' : ($changes ? 'changed' : 'nothing_to_change'), ['n' => $changes]);
exit($problems || ($checking && $changes) ? 3 : 0);
