<?php
// What the site's owner has set: in wp-config.php (POPULER_URL, POPULER_SITE, POPULER_KEY …), else on the settings page.

if (!defined('ABSPATH')) {
    exit;
}

/** Settings of the page, with what stands for an empty one. */
const POPULER_SETTINGS = ['url' => '', 'site' => '', 'key' => '', 'list' => 'populer', 'limit' => '7'];

/** Whether wp-config.php has a setting: the page then shows and changes nothing of it. */
function populer_is_constant(string $name): bool
{
    return defined('POPULER_' . strtoupper($name));
}

/** The value of a setting. */
function populer_setting(string $name): string
{
    if (populer_is_constant($name)) {
        $value = (string) constant('POPULER_' . strtoupper($name));
    } else {
        $stored = get_option('populer');
        $value = is_array($stored) && is_scalar($stored[$name] ?? null) ? (string) $stored[$name] : '';
    }
    return $value !== '' ? $value : POPULER_SETTINGS[$name];
}

/** Whether articles are described to the service: it takes an address and a write key. */
function populer_is_describing(): bool
{
    return populer_setting('url') !== '' && populer_setting('key') !== '';
}

/** The types of posts that are articles: all that readers can open and search for, but pages and attachments. */
function populer_post_types(): array
{
    $types = array_diff(array_values(get_post_types(['public' => true, 'exclude_from_search' => false])), ['page', 'attachment']);
    return array_values(apply_filters('populer_post_types', $types));
}
