<?php
/**
 * Plugin Name: Populer
 * Description: Counts what readers open, and shows the popular, trending and latest lists of a Populer service.
 * Version: 2.0
 * License: Apache-2.0
 * Requires at least: 6.0
 * Requires PHP: 7.4
 * Text Domain: populer
 * Domain Path: /languages
 */

if (!defined('ABSPATH')) {
    exit;
}

const POPULER_VERSION = '2.0';

require_once __DIR__ . '/includes/settings.php';
require_once __DIR__ . '/includes/service.php';
require_once __DIR__ . '/includes/script.php';
require_once __DIR__ . '/includes/lists.php';
require_once __DIR__ . '/includes/block.php';
require_once __DIR__ . '/includes/articles.php';
require_once __DIR__ . '/includes/queue.php';
require_once __DIR__ . '/includes/sending.php';
require_once __DIR__ . '/includes/changes.php';
require_once __DIR__ . '/includes/settings-page.php';

add_action('init', static function (): void {
    load_plugin_textdomain('populer', false, basename(__DIR__) . '/languages');
});
add_action('admin_init', 'populer_register_settings');
add_action('admin_menu', static function (): void {
    add_options_page('Populer', 'Populer', 'manage_options', 'populer', 'populer_settings_page');
});
add_action('admin_enqueue_scripts', 'populer_settings_script');
add_action('admin_post_populer_sync', 'populer_sync_requested');
add_action('wp_ajax_populer_step', 'populer_step_requested');
register_deactivation_hook(__FILE__, static function (): void {
    wp_clear_scheduled_hook('populer_send');
});

// Without an address the plugin is its settings page alone.
if (populer_setting('url') !== '') {
    add_action('wp_head', 'populer_script');
    add_shortcode('populer', 'populer_list');
    add_action('init', 'populer_register_block');
    add_action('widgets_init', static function (): void {
        require_once __DIR__ . '/includes/widget.php';
        register_widget('Populer_Widget');
    });
}
if (populer_is_describing()) {
    add_action('wp_after_insert_post', 'populer_saved', 10, 4);
    add_action('before_delete_post', 'populer_deleted', 10, 2);
    add_action('added_term_relationship', 'populer_terms_set');
    add_action('deleted_term_relationships', 'populer_terms_set');
    add_action('edited_term', 'populer_term_changed', 10, 3);
    add_action('edited_term_taxonomies', 'populer_terms_moved');
    foreach (['added_post_meta', 'updated_post_meta', 'deleted_post_meta'] as $populer_hook) {
        add_action($populer_hook, 'populer_image_set', 10, 3);
    }
    add_action('permalink_structure_changed', 'populer_mark_all', 10, 0);
    add_action('update_option_home', 'populer_mark_all', 10, 0);
    add_action('shutdown', 'populer_send_changes', 100);
    add_action('populer_send', 'populer_send_waiting');
}
if (defined('WP_CLI') && WP_CLI) {
    require_once __DIR__ . '/includes/command.php';
    WP_CLI::add_command('populer', 'Populer_Command');
}
