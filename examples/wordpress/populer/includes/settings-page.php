<?php
// Settings → Populer: the service and its key, what lists show where they are not told, how the describing of articles
// goes, and the button that describes all of them.

if (!defined('ABSPATH')) {
    exit;
}

/** The words for what a list can be told. */
function populer_labels(): array
{
    return [
        'url' => __('Address of the service', 'populer'),
        'site' => __('Site', 'populer'),
        'key' => __('Write key', 'populer'),
        'list' => __('List', 'populer'),
        'limit' => __('Number of articles', 'populer'),
        'section' => __('Section', 'populer'),
        'theme' => __('Theme', 'populer'),
        'heading' => __('Heading', 'populer'),
        'settings' => __('Settings', 'populer'),
        'empty' => __('The list is empty, or the service does not answer.', 'populer'),
    ];
}

/** Let the page's form change the settings; WordPress checks its nonce and who may. */
function populer_register_settings(): void
{
    register_setting('populer', 'populer', ['type' => 'array', 'sanitize_callback' => 'populer_sanitized']);
}

/** The settings as they are kept: what cannot be used stays as it was, an empty key stands for the one that is there. */
function populer_sanitized($given): array
{
    $stored = get_option('populer');
    $kept = is_array($stored) ? $stored : [];
    $given = is_array($given) ? array_filter($given, 'is_scalar') : [];
    foreach (['site', 'list'] as $name) {
        $kept[$name] = isset($given[$name]) ? sanitize_text_field((string) $given[$name]) : ($kept[$name] ?? '');
    }
    if (isset($given['limit'])) {
        $kept['limit'] = (string) max(1, min(100, (int) $given['limit']));
    }
    if (isset($given['url'])) {
        $url = rtrim(esc_url_raw(trim((string) $given['url']), ['http', 'https']), '/');
        if ($url === '' && trim((string) $given['url']) !== '') {
            $error = __('The address was not changed: it must begin with https:// or http://.', 'populer');
            add_settings_error('populer', 'url', $error);
        } else {
            $kept['url'] = $url;
        }
    }
    if (!empty($given['forget'])) {
        $kept['key'] = '';
    } elseif (trim((string) ($given['key'] ?? '')) !== '') {
        $kept['key'] = trim((string) $given['key']);
    }
    populer_set_state(['failures' => 0, 'not_before' => 0, 'error' => '', 'notes' => [], 'total' => 0]);
    return array_intersect_key($kept, POPULER_SETTINGS);
}

/** The page. */
function populer_settings_page(): void
{
    if (!current_user_can('manage_options')) {
        return;
    }
    echo '<div class="wrap"><h1>', esc_html__('Populer', 'populer'), '</h1><form method="post" action="options.php">';
    settings_fields('populer');
    echo '<table class="form-table" role="presentation">';
    $labels = populer_labels();
    foreach (array_keys(POPULER_SETTINGS) as $name) {
        printf('<tr><th scope="row"><label for="populer-%s">%s</label></th><td>', esc_attr($name), esc_html($labels[$name]));
        populer_settings_field($name);
        echo '</td></tr>';
    }
    echo '</table>';
    submit_button();
    echo '</form>';
    if (populer_is_describing()) {
        populer_settings_status();
    }
    echo '</div>';
}

/** One setting's field, with what is to be said of it. */
function populer_settings_field(string $name): void
{
    $said = [
        'url' => __('Such as https://populer.example.', 'populer'),
        'site' => __('Its id, where the service has several.', 'populer'),
        'key' => __('Without it the service is told of no articles.', 'populer'),
        'list' => __('Of blocks, widgets and shortcodes that name none.', 'populer'),
        'limit' => '',
    ][$name];
    $types = ['url' => 'url', 'key' => 'password', 'limit' => 'number'];
    $value = $name === 'key' ? '' : populer_setting($name);  // a key is never sent to a browser
    if (populer_is_constant($name)) {
        printf('<input id="populer-%s" class="regular-text" value="%s" disabled>', esc_attr($name), esc_attr($value));
        echo '<p class="description">', esc_html__('Set in wp-config.php.', 'populer'), '</p>';
        return;
    }
    printf(
        '<input id="populer-%1$s" name="populer[%1$s]" type="%2$s" class="regular-text" value="%3$s" autocomplete="off"%4$s>',
        esc_attr($name),
        esc_attr($types[$name] ?? 'text'),
        esc_attr($value),
        $name === 'limit' ? ' min="1" max="100"' : ''
    );
    if ($name === 'key' && populer_setting('key') !== '') {
        $said = __('A key is stored. Leave the field empty to keep it.', 'populer');
        printf(
            '<p><label><input type="checkbox" name="populer[forget]" value="1"> %s</label></p>',
            esc_html__('Delete the stored key', 'populer')
        );
    }
    if ($said !== '') {
        echo '<p class="description">', esc_html($said), '</p>';
    }
}

/** How the describing of articles goes. */
function populer_settings_status(): void
{
    $state = populer_state();
    $waiting = populer_waiting();
    echo '<h2>', esc_html__('Articles', 'populer'), '</h2>';
    if ($state['error'] !== '') {
        /* translators: %s: a time */
        $again = sprintf(__('The next try is at %s.', 'populer'), wp_date('H:i:s', $state['not_before']));
        printf('<div class="notice notice-error inline"><p>%s %s</p></div>', esc_html($state['error']), esc_html($again));
    }
    foreach ($state['notes'] as $note) {
        printf('<div class="notice notice-warning inline"><p>%s</p></div>', esc_html($note));
    }
    if ($state['sent_at'] > 0) {
        $at = wp_date(get_option('date_format') . ' H:i:s', $state['sent_at']);
        /* translators: %s: a date and time */
        echo '<p>', esc_html(sprintf(__('Articles were last sent on %s.', 'populer'), $at)), '</p>';
    }
    printf(
        '<p id="populer-waiting" role="status">%s</p>',
        esc_html(sprintf(
            /* translators: %s: a number */
            _n('%s article waits to be sent.', '%s articles wait to be sent.', $waiting, 'populer'),
            number_format_i18n($waiting)
        ))
    );
    if ($waiting > 0 && $waiting <= $state['total']) {
        printf('<progress id="populer-progress" max="%d" value="%d"></progress>', $state['total'], $state['total'] - $waiting);
    }
    printf('<form method="post" action="%s">', esc_url(admin_url('admin-post.php')));
    echo '<input type="hidden" name="action" value="populer_sync">';
    wp_nonce_field('populer_sync');
    echo '<p>', esc_html__('Posts that were published before the plugin came are described by this button, the newest first.', 'populer'), '</p>';
    submit_button($waiting > 0 ? __('Go on sending', 'populer') : __('Describe all articles', 'populer'), 'secondary');
    echo '</form>';
}

/** The script that goes on sending, step by step, while the page is open and the button was pressed. */
function populer_settings_script(string $page): void
{
    if ($page !== 'settings_page_populer' || !isset($_GET['populer_step']) || populer_waiting() === 0) {
        return;
    }
    wp_enqueue_script('populer-steps', plugins_url('assets/steps.js', __DIR__), [], POPULER_VERSION, true);
    wp_localize_script('populer-steps', 'populerSteps', [
        'url' => admin_url('admin-ajax.php'),
        'page' => admin_url('options-general.php?page=populer'),
        'nonce' => wp_create_nonce('populer_step'),
    ]);
}

/** Mark all articles, or go on with those that wait; the first step is made at once, so it works without the script. */
function populer_sync_requested(): void
{
    check_admin_referer('populer_sync');
    if (!current_user_can('manage_options')) {
        wp_die(esc_html__('You may not change the settings of this site.', 'populer'), '', ['response' => 403]);
    }
    if (populer_is_describing()) {
        if (populer_waiting() === 0) {
            populer_set_state(['notes' => [], 'total' => populer_mark_all()]);
        }
        populer_send_batch(POPULER_PATIENCE_S);
    }
    wp_safe_redirect(admin_url('options-general.php?page=populer&populer_step=1'));
    exit;
}

/** One step of the script: a hundred articles. */
function populer_step_requested(): void
{
    check_ajax_referer('populer_step');
    if (!current_user_can('manage_options') || !populer_is_describing()) {
        wp_send_json_error(null, 403);
    }
    $sent = populer_send_batch(POPULER_PATIENCE_S);
    $waiting = populer_waiting();
    wp_send_json_success([
        'waiting' => $waiting,
        /* translators: %s: a number */
        'text' => sprintf(_n('%s article waits to be sent.', '%s articles wait to be sent.', $waiting, 'populer'), number_format_i18n($waiting)),
        'done' => $sent['done'],
        'failed' => $sent['error'] !== '',
    ]);
}
